#include "core/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

struct hg_error hg_enomem = {HG_ERROR_NOMEM, (char *)"out of memory"};

static struct hg_error *create(enum hg_error_code code, char *message)
{
	struct hg_error *err = message ? malloc(sizeof(*err)) : NULL;
	if (!err) {
		free(message);
		return &hg_enomem;
	}
	*err = (struct hg_error){code, message};
	return err;
}

static char *format_message(const char *format, va_list args)
{
	char *message = NULL;
	return vasprintf(&message, format, args) < 0 ? NULL : message;
}

struct hg_error *hg_error_create(enum hg_error_code code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *message = format_message(format, args);
	va_end(args);
	return create(code, message);
}

static enum hg_error_code code_of_errno(int errnum)
{
	switch (errnum) {
	case EPERM:
	case EACCES:
		return HG_ERROR_PERMISSION;
	case ENOENT:
	case ESRCH:
		return HG_ERROR_NOT_FOUND;
	case ENOMEM:
		return HG_ERROR_NOMEM;
	default:
		return HG_ERROR_IO;
	}
}

struct hg_error *hg_error_errno(int errnum, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	hg_autofree char *words = format_message(format, args);
	va_end(args);
	if (!words)
		return &hg_enomem;
	return hg_error_create(code_of_errno(errnum), "%s: %s", words, strerror(errnum));
}

struct hg_error *hg_error_context(struct hg_error *err, const char *format, ...)
{
	if (!err || err == &hg_enomem)
		return err;
	va_list args;
	va_start(args, format);
	hg_autofree char *words = format_message(format, args);
	va_end(args);
	char *message = NULL;
	if (!words || asprintf(&message, "%s: %s", words, err->message) < 0)
		return err;
	free(err->message);
	err->message = message;
	return err;
}

void hg_error_destroy(struct hg_error *err)
{
	if (!err || err == &hg_enomem)
		return;
	free(err->message);
	free(err);
}

void hg_assert_fail(const char *file, int line, const char *condition)
{
	fprintf(stderr, "heapgraph: internal error at %s:%d: %s\n", file, line, condition);
	abort();
}
