// The lists of a graph file: which fields of which structs. Whoever adds a field adds a row, and raises the version.
#include <stdlib.h>

#include "graph/graphfile_private.h"

static const struct hg_record_row meta_rows[] = {
	HG_ROW(struct graphfile_meta, image_kind, HG_RECORD_ANY),
	HG_ROW(struct graphfile_meta, pid, HG_RECORD_ANY),
	HG_ROW(struct graphfile_meta, path, HG_RECORD_STRING),
	HG_ROW(struct graphfile_meta, build_id, HG_RECORD_STRING),
	HG_ROW(struct graphfile_meta, has_path, HG_RECORD_BOOL),
	HG_ROW(struct graphfile_meta, separate_outs, HG_RECORD_BOOL),
	HG_ROW(struct graphfile_meta, has_marks, HG_RECORD_BOOL),
	HG_ROW(struct graphfile_meta, has_doubted, HG_RECORD_BOOL),
	HG_ROW(struct graphfile_meta, has_weak, HG_RECORD_BOOL),
	HG_ROW(struct graphfile_meta, nodes, HG_RECORD_ANY),
	HG_ROW(struct graphfile_meta, first_block, HG_RECORD_ANY),
	HG_ROW(struct graphfile_meta, edges, HG_RECORD_ANY),
	HG_ROW(struct graphfile_meta, blocks, HG_RECORD_ANY),
	HG_ROW(struct graphfile_meta, reached, HG_RECORD_ANY),
	HG_ROW(struct graphfile_meta, debug_types, HG_RECORD_ANY),
	HG_ROW(struct graphfile_meta, stopped_us, HG_RECORD_ANY),
	HG_ROW(struct graphfile_meta, present_bytes, HG_RECORD_ANY),
	HG_ROW(struct graphfile_meta, totals.live_objects, HG_RECORD_ANY),
	HG_ROW(struct graphfile_meta, totals.live_bytes, HG_RECORD_ANY),
	HG_ROW(struct graphfile_meta, totals.garbage_objects, HG_RECORD_ANY),
	HG_ROW(struct graphfile_meta, totals.garbage_bytes, HG_RECORD_ANY),
	HG_ROW(struct graphfile_meta, totals.heap_inuse_bytes, HG_RECORD_ANY),
	HG_ROW(struct graphfile_meta, typed_bytes, HG_RECORD_ANY),
	HG_ROW(struct graphfile_meta, guessed_bytes, HG_RECORD_ANY),
	HG_ROW(struct graphfile_meta, masked_bytes, HG_RECORD_ANY),
	HG_ROW(struct graphfile_meta, missing_bytes, HG_RECORD_ANY),
	HG_ROW(struct graphfile_meta, conservative_bytes, HG_RECORD_ANY),
	HG_ROW(struct graphfile_meta, conservative_edges, HG_RECORD_ANY),
};

static const struct hg_record_row heap_rows[] = {
	HG_ROW(struct graphfile_heap, name, HG_RECORD_STRING),
	HG_ROW(struct graphfile_heap, runtime, HG_RECORD_STRING),
	HG_ROW(struct graphfile_heap, version, HG_RECORD_STRING),
	HG_ROW(struct graphfile_heap, has_version, HG_RECORD_BOOL),
	HG_ROW(struct graphfile_heap, collected, HG_RECORD_BOOL),
	HG_ROW(struct graphfile_heap, share.totals.live_objects, HG_RECORD_ANY),
	HG_ROW(struct graphfile_heap, share.totals.live_bytes, HG_RECORD_ANY),
	HG_ROW(struct graphfile_heap, share.totals.garbage_objects, HG_RECORD_ANY),
	HG_ROW(struct graphfile_heap, share.totals.garbage_bytes, HG_RECORD_ANY),
	HG_ROW(struct graphfile_heap, share.totals.heap_inuse_bytes, HG_RECORD_ANY),
	HG_ROW(struct graphfile_heap, share.typed_bytes, HG_RECORD_ANY),
	HG_ROW(struct graphfile_heap, share.masked_bytes, HG_RECORD_ANY),
	HG_ROW(struct graphfile_heap, share.guessed_bytes, HG_RECORD_ANY),
};

static const struct hg_record_row count_rows[] = {
	HG_ROW(struct graphfile_count, what, HG_RECORD_STRING),
	HG_ROW(struct graphfile_count, count, HG_RECORD_ANY),
};

static const struct hg_record_row note_rows[] = {
	HG_ROW(struct graphfile_note, text, HG_RECORD_STRING),
	HG_ROW(struct graphfile_note, of, HG_RECORD_ANY),
};

static const struct hg_record_row name_rows[] = {
	HG_ROW(struct graphfile_name, name, HG_RECORD_STRING),
	HG_ROW(struct graphfile_name, type, HG_RECORD_TYPE),
};

static const struct hg_record_row segment_rows[] = {
	HG_ROW(struct hg_segment, addr, HG_RECORD_ANY),
	HG_ROW(struct hg_segment, size, HG_RECORD_ANY),
	HG_ROW(struct hg_segment, prot, HG_RECORD_ANY),
};

static const struct hg_record_row extent_rows[] = {
	HG_ROW(struct hg_extent, addr, HG_RECORD_ANY),
	HG_ROW(struct hg_extent, size, HG_RECORD_ANY),
	HG_ROW(struct hg_extent, stride, HG_RECORD_ANY),
	HG_ROW(struct hg_extent, slots, HG_RECORD_ANY),
	HG_ROW(struct hg_extent, irregular, HG_RECORD_BOOL),
	HG_ROW(struct hg_extent, no_pointers, HG_RECORD_BOOL),
	HG_ROW(struct hg_extent, header, HG_RECORD_ANY),
	HG_ROW(struct hg_extent, heap, HG_RECORD_HEAP),
	HG_ROW(struct hg_extent, heap_ref, HG_RECORD_ANY),
};

static const struct hg_record_row far_rows[] = {
	HG_ROW(struct graphfile_far, at, HG_RECORD_ANY),
	HG_ROW(struct graphfile_far, value, HG_RECORD_ANY),
};

static const struct hg_record_row type_rows[] = {
	HG_ROW(struct hg_type, name, HG_RECORD_STRING),
	HG_ROW(struct hg_type, kind, HG_RECORD_TYPE_KIND),
	HG_ROW(struct hg_type, go_kind, HG_RECORD_ANY),
	HG_ROW(struct hg_type, language, HG_RECORD_ANY),
	HG_ROW(struct hg_type, incomplete, HG_RECORD_BOOL),
	HG_ROW(struct hg_type, module, HG_RECORD_ANY),
	HG_ROW(struct hg_type, size, HG_RECORD_ANY),
	HG_ROW(struct hg_type, count, HG_RECORD_ANY),
	HG_ROW(struct hg_type, elem, HG_RECORD_TYPE),
	HG_ROW(struct hg_type, go_key, HG_RECORD_TYPE),
	HG_ROW(struct hg_type, go_elem, HG_RECORD_TYPE),
	HG_ROW(struct hg_type, members, HG_RECORD_ANY),
	HG_ROW(struct hg_type, member_count, HG_RECORD_ANY),
	HG_ROW(struct hg_type, arguments, HG_RECORD_ANY),
	HG_ROW(struct hg_type, argument_count, HG_RECORD_ANY),
	HG_ROW(struct hg_type, file, HG_RECORD_STRING),
	HG_ROW(struct hg_type, line, HG_RECORD_ANY),
};

static const struct hg_record_row member_rows[] = {
	HG_ROW(struct hg_member, name, HG_RECORD_STRING),
	HG_ROW(struct hg_member, type, HG_RECORD_TYPE),
	HG_ROW(struct hg_member, offset, HG_RECORD_ANY),
	HG_ROW(struct hg_member, embedded, HG_RECORD_BOOL),
};

static const struct hg_record_row argument_rows[] = {
	HG_ROW(struct hg_type_argument, type, HG_RECORD_TYPE),
	HG_ROW(struct hg_type_argument, is_value, HG_RECORD_BOOL),
	HG_ROW(struct hg_type_argument, value, HG_RECORD_ANY),
};

static const struct hg_record_row variable_rows[] = {
	HG_ROW(struct hg_variable, name, HG_RECORD_STRING),
	HG_ROW(struct hg_variable, type, HG_RECORD_TYPE),
	HG_ROW(struct hg_variable, addr, HG_RECORD_ANY),
	HG_ROW(struct hg_variable, size, HG_RECORD_ANY),
	HG_ROW(struct hg_variable, file, HG_RECORD_STRING),
	HG_ROW(struct hg_variable, line, HG_RECORD_ANY),
	HG_ROW(struct hg_variable, module, HG_RECORD_ANY),
	HG_ROW(struct hg_variable, language, HG_RECORD_ANY),
};

static const struct hg_record_row root_rows[] = {
	HG_ROW(struct hg_root, parent, HG_RECORD_ROOT),
	HG_ROW(struct hg_root, name, HG_RECORD_STRING),
	HG_ROW(struct hg_root, type, HG_RECORD_TYPE),
	HG_ROW(struct hg_root, file, HG_RECORD_STRING),
	HG_ROW(struct hg_root, line, HG_RECORD_ANY),
	HG_ROW(struct hg_root, addr, HG_RECORD_ANY),
	HG_ROW(struct hg_root, kind, HG_RECORD_ROOT_KIND),
	HG_ROW(struct hg_root, conservative, HG_RECORD_BOOL),
};

static const struct hg_record_row root_edge_rows[] = {
	HG_ROW(struct hg_root_edge, target, HG_RECORD_ANY),
	HG_ROW(struct hg_root_edge, root, HG_RECORD_ROOT),
	HG_ROW(struct hg_root_edge, offset, HG_RECORD_ANY),
	HG_ROW(struct hg_root_edge, type, HG_RECORD_TYPE),
	HG_ROW(struct hg_root_edge, flags, HG_RECORD_ANY),
};

static const struct hg_record_row goroutine_rows[] = {
	HG_ROW(struct hg_goroutine, root, HG_RECORD_ROOT),
	HG_ROW(struct hg_goroutine, id, HG_RECORD_ANY),
	HG_ROW(struct hg_goroutine, addr, HG_RECORD_ANY),
	HG_ROW(struct hg_goroutine, state, HG_RECORD_STRING),
	HG_ROW(struct hg_goroutine, wait_reason, HG_RECORD_STRING),
	HG_ROW(struct hg_goroutine, created_by, HG_RECORD_STRING),
	HG_ROW(struct hg_goroutine, file, HG_RECORD_STRING),
	HG_ROW(struct hg_goroutine, line, HG_RECORD_ANY),
	HG_ROW(struct hg_goroutine, start, HG_RECORD_STRING),
	HG_ROW(struct hg_goroutine, stack_bytes, HG_RECORD_ANY),
	HG_ROW(struct hg_goroutine, wait_since, HG_RECORD_ANY),
};

static const struct hg_record_row thread_rows[] = {
	HG_ROW(struct hg_thread_info, root, HG_RECORD_ROOT),
	HG_ROW(struct hg_thread_info, tid, HG_RECORD_ANY),
	HG_ROW(struct hg_thread_info, name, HG_RECORD_STRING),
	HG_ROW(struct hg_thread_info, state, HG_RECORD_STRING),
	HG_ROW(struct hg_thread_info, function, HG_RECORD_STRING),
	HG_ROW(struct hg_thread_info, start, HG_RECORD_STRING),
	HG_ROW(struct hg_thread_info, stack_bytes, HG_RECORD_ANY),
	HG_ROW(struct hg_thread_info, tls_bytes, HG_RECORD_ANY),
};

static const struct hg_record_row container_rows[] = {
	HG_ROW(struct hg_fact_container, addr, HG_RECORD_ANY),
	HG_ROW(struct hg_fact_container, size, HG_RECORD_ANY),
	HG_ROW(struct hg_fact_container, type, HG_RECORD_TYPE),
	HG_ROW(struct hg_fact_container, word, HG_RECORD_STRING),
	HG_ROW(struct hg_fact_container, stored, HG_RECORD_ANY),
	HG_ROW(struct hg_fact_container, stored_count, HG_RECORD_ANY),
	HG_ROW(struct hg_fact_container, c.kind, HG_RECORD_CONTAINER),
	HG_ROW(struct hg_fact_container, c.has, HG_RECORD_ANY),
	HG_ROW(struct hg_fact_container, c.broken, HG_RECORD_BOOL),
	HG_ROW(struct hg_fact_container, c.length, HG_RECORD_ANY),
	HG_ROW(struct hg_fact_container, c.capacity, HG_RECORD_ANY),
	HG_ROW(struct hg_fact_container, c.owners, HG_RECORD_ANY),
	HG_ROW(struct hg_fact_container, c.slack, HG_RECORD_ANY),
	HG_ROW(struct hg_fact_container, c.element, HG_RECORD_TYPE),
	HG_ROW(struct hg_fact_container, c.element_size, HG_RECORD_ANY),
	HG_ROW(struct hg_fact_container, c.inside, HG_RECORD_TYPE),
	HG_ROW(struct hg_fact_container, c.inside_at, HG_RECORD_ANY),
};

static const struct hg_record_row stored_rows[] = {
	HG_ROW(struct hg_fact_stored, addr, HG_RECORD_ANY),
	HG_ROW(struct hg_fact_stored, from, HG_RECORD_ANY),
	HG_ROW(struct hg_fact_stored, to, HG_RECORD_ANY),
	HG_ROW(struct hg_fact_stored, element, HG_RECORD_TYPE),
};

static const struct hg_record_row choice_rows[] = {
	HG_ROW(struct hg_fact_choice, addr, HG_RECORD_ANY),
	HG_ROW(struct hg_fact_choice, offset, HG_RECORD_ANY),
	HG_ROW(struct hg_fact_choice, type, HG_RECORD_TYPE),
	HG_ROW(struct hg_fact_choice, found, HG_RECORD_BOOL),
	HG_ROW(struct hg_fact_choice, piece.start, HG_RECORD_ANY),
	HG_ROW(struct hg_fact_choice, piece.end, HG_RECORD_ANY),
	HG_ROW(struct hg_fact_choice, piece.type, HG_RECORD_TYPE),
	HG_ROW(struct hg_fact_choice, piece.kind, HG_RECORD_LEAF),
	HG_ROW(struct hg_fact_choice, piece.form, HG_RECORD_ANY),
	HG_ROW(struct hg_fact_choice, piece.inner, HG_RECORD_ANY),
	HG_ROW(struct hg_fact_choice, piece.order, HG_RECORD_ANY),
};

static const struct hg_record_row line_rows[] = {
	HG_ROW(struct hg_fact_line, file, HG_RECORD_STRING),
	HG_ROW(struct hg_fact_line, line, HG_RECORD_ANY),
};

static const struct hg_record_row out_far_rows[] = {
	HG_ROW(struct hg_out_far, edge, HG_RECORD_ANY),
	HG_ROW(struct hg_out_far, word, HG_RECORD_ANY),
};

#define LIST(name, base, struct_, vec, type, rows)                                                 \
	{                                                                                          \
		name, base, offsetof(struct_, vec), HG_RECORD_TABLE(type, rows)                    \
	}

// Those that are counted in limits come before those that hold numbers of them.
const struct graphfile_list graphfile_lists[] = {
	LIST("meta", GRAPHFILE_PARTS, struct graphfile_parts, meta, struct graphfile_meta,
	     meta_rows),
	LIST("heaps", GRAPHFILE_PARTS, struct graphfile_parts, heaps, struct graphfile_heap,
	     heap_rows),
	LIST("types", GRAPHFILE_PROGRAM, struct hg_program, types.types, struct hg_type, type_rows),
	LIST("members", GRAPHFILE_PROGRAM, struct hg_program, types.members, struct hg_member,
	     member_rows),
	LIST("arguments", GRAPHFILE_PROGRAM, struct hg_program, types.arguments,
	     struct hg_type_argument, argument_rows),
	LIST("type-names", GRAPHFILE_PARTS, struct graphfile_parts, names, struct graphfile_name,
	     name_rows),
	LIST("globals", GRAPHFILE_PROGRAM, struct hg_program, globals, struct hg_variable,
	     variable_rows),
	LIST("roots", GRAPHFILE_ANALYSIS, struct hg_analysis, roots.list, struct hg_root,
	     root_rows),
	LIST("root-edges", GRAPHFILE_ANALYSIS, struct hg_analysis, roots.edges, struct hg_root_edge,
	     root_edge_rows),
	LIST("goroutines", GRAPHFILE_ANALYSIS, struct hg_analysis, roots.goroutines,
	     struct hg_goroutine, goroutine_rows),
	LIST("threads", GRAPHFILE_ANALYSIS, struct hg_analysis, roots.threads,
	     struct hg_thread_info, thread_rows),
	LIST("counts", GRAPHFILE_PARTS, struct graphfile_parts, counts, struct graphfile_count,
	     count_rows),
	LIST("notes", GRAPHFILE_PARTS, struct graphfile_parts, notes, struct graphfile_note,
	     note_rows),
	LIST("segments", GRAPHFILE_PARTS, struct graphfile_parts, segments, struct hg_segment,
	     segment_rows),
	LIST("extents", GRAPHFILE_PARTS, struct graphfile_parts, extents, struct hg_extent,
	     extent_rows),
	LIST("degree-far", GRAPHFILE_PARTS, struct graphfile_parts, degree_far,
	     struct graphfile_far, far_rows),
	LIST("out-degree-far", GRAPHFILE_PARTS, struct graphfile_parts, out_far,
	     struct graphfile_far, far_rows),
	LIST("retained-far", GRAPHFILE_PARTS, struct graphfile_parts, retained_far,
	     struct graphfile_far, far_rows),
	LIST("containers", GRAPHFILE_FACTS, struct hg_facts, containers, struct hg_fact_container,
	     container_rows),
	LIST("stored", GRAPHFILE_FACTS, struct hg_facts, stored, struct hg_fact_stored,
	     stored_rows),
	LIST("choices", GRAPHFILE_FACTS, struct hg_facts, choices, struct hg_fact_choice,
	     choice_rows),
	LIST("lines", GRAPHFILE_FACTS, struct hg_facts, lines, struct hg_fact_line, line_rows),
	LIST("out-word-far", GRAPHFILE_FACTS, struct hg_facts, outs.far, struct hg_out_far,
	     out_far_rows),
};

const unsigned graphfile_list_count = ARRAY_SIZE(graphfile_lists);

void graphfile_parts_deinit(struct graphfile_parts *parts)
{
	hg_vec_deinit(&parts->meta);
	hg_vec_deinit(&parts->heaps);
	hg_vec_deinit(&parts->counts);
	hg_vec_deinit(&parts->notes);
	hg_vec_deinit(&parts->names);
	hg_vec_deinit(&parts->segments);
	hg_vec_deinit(&parts->extents);
	hg_vec_deinit(&parts->degree_far);
	hg_vec_deinit(&parts->out_far);
	hg_vec_deinit(&parts->retained_far);
}
