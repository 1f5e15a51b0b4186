/**
 * Dying on purpose: in builds for tests (HG_FAULTS), the environment variable HEAPGRAPH_DIE_AT names the step at which
 * the tool kills itself, so that it can be tested what becomes of the target. Private to core/.
 */
#ifndef HG_CORE_FAULT_H
#define HG_CORE_FAULT_H

#ifdef HG_FAULTS
/** Ends this process like SIGKILL does, if "PHASE-STEP" is asked for. */
void hg_fault(const char *phase, const char *step);
#else
static inline void hg_fault(const char *phase, const char *step)
{
	(void)phase;
	(void)step;
}
#endif

#endif
