/**
 * The largest counts that are believed when they come from a target or a file. Beyond them input is damaged or
 * hostile, and the reader says so instead of allocating.
 */
#ifndef HG_BASE_LIMITS_H
#define HG_BASE_LIMITS_H

#define HG_MAX_SEGMENTS (16u << 20)	 /* program headers of a core */
#define HG_MAX_CORE_BYTES (4ull << 40)	 /* a compressed core once decompressed, holes counted */
#define HG_MAX_THREADS (1u << 20)	 /* NT_PRSTATUS notes, entries of the task directory */
#define HG_MAX_NOTE_BYTES (1u << 30)	 /* all notes of one file */
#define HG_MAX_PATH 4096		 /* a path in a note or a map line */
#define HG_MAX_MODULES 65536		 /* ELF files in one process */
#define HG_MAX_NAME 65536		 /* one name in debug info or a runtime structure */
#define HG_MAX_TYPES (64u << 20)	 /* types of a program */
#define HG_MAX_MEMBERS (256u << 20)	 /* members of all types */
#define HG_MAX_TYPE_DEPTH 64		 /* typedef chains, nesting of types */
#define HG_MAX_NODES 0xfffffff0u	 /* nodes of a graph: ids are 32 bits */
#define HG_MAX_EDGES 0xfffffff0u	 /* edges of a graph: positions are 32 bits */
#define HG_MAX_SPANS (64u << 20)	 /* Go spans */
#define HG_MAX_GOROUTINES (16u << 20)	 /* entries of allgs */
#define HG_MAX_FRAMES 65536		 /* frames of one stack */
#define HG_MAX_SPECIALS (64u << 20)	 /* finalizers, cleanups, weak handles of one process */
#define HG_MAX_DECOMPRESSED (8ull << 30) /* one compressed section of debug info */

#endif
