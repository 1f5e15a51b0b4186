#include "core/base/log.h"

#include <stdarg.h>
#include <stdio.h>

void hg_log_printf(const struct hg_log *log, enum hg_log_level level, const char *format, ...)
{
	if (!log || !log->message)
		return;
	char text[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log->message(log->arg, level, text);
}

void hg_log_progress(const struct hg_log *log, const char *phase, uint64_t done, uint64_t total)
{
	if (log && log->progress)
		log->progress(log->arg, phase, done, total);
}
