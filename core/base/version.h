/**
 * The version of heapgraph: what --version prints and what a core of ours says it was made by.
 */
#ifndef HG_BASE_VERSION_H
#define HG_BASE_VERSION_H

#define HG_VERSION "0.1.0"

#endif
