#include "dwarf/vtable.h"
#include "graph/lang/lang_cxx.h"

// Three ways in which C++ itself points into the middle of a block:
//
//	a base class     where a base with virtual functions lies, its virtual table says how far behind the start that is
//	new T[n]         where T has a destructor: n in the 8 bytes before the elements, which start at a multiple of their alignment
//	std::string      before C++11: length, capacity, references (8 bytes each), text, a zero; a string points to the text

#define MAX_COOKIE 64
#define STRING_HEADER 24

static bool is_base(struct hg_program *prog, const struct hg_inside *inside)
{
	uint64_t first, inner, first_info, inner_info;
	int64_t to_top;
	if (inside->offset % 8 || !hg_image_u64(prog->image, inside->addr, &first) ||
	    !hg_image_u64(prog->image, inside->addr + inside->offset, &inner) || first == inner)
		return false;
	if (!hg_vtable_read(prog, inner, &to_top, &inner_info) ||
	    to_top != -(int64_t)inside->offset)
		return false;
	return hg_vtable_read(prog, first, &to_top, &first_info) && !to_top &&
	       first_info == inner_info;
}

/** The type of what a block holds from an offset on: an array of it from there or from the start, or such a member. */
static uint32_t type_at(const struct hg_program *prog, uint32_t type, uint64_t offset)
{
	const struct hg_type *t = hg_type_get(prog, type);
	if (t->kind == HG_TYPE_ARRAY)
		return t->elem;
	for (uint32_t i = 0; t->kind == HG_TYPE_STRUCT && i < t->member_count; i++) {
		const struct hg_member *m = &prog->types.members.data[t->members + i];
		if (m->offset == offset)
			return m->type;
	}
	return 0;
}

static bool is_array(const struct hg_program *prog, const struct hg_inside *inside)
{
	uint64_t count, bytes;
	if (inside->offset > MAX_COOKIE || inside->offset < 8 ||
	    (inside->offset & (inside->offset - 1)) ||
	    !hg_image_u64(prog->image, inside->addr + inside->offset - 8, &count))
		return false;
	const uint64_t size = hg_type_get(prog, type_at(prog, inside->type, inside->offset))->size;
	return size && !__builtin_mul_overflow(count, size, &bytes) && bytes <= inside->size &&
	       c_is_filled(inside, bytes + inside->offset);
}

static bool is_string(const struct hg_program *prog, const struct hg_inside *inside)
{
	uint64_t length, capacity;
	return inside->offset == STRING_HEADER &&
	       hg_image_u64(prog->image, inside->addr, &length) &&
	       hg_image_u64(prog->image, inside->addr + 8, &capacity) && length <= capacity &&
	       capacity < inside->size && c_is_filled(inside, STRING_HEADER + capacity + 1);
}

bool cxx_refers_to_start(struct hg_lang *lang, const struct hg_inside *inside)
{
	struct hg_program *prog = lang->a->prog;
	return is_base(prog, inside) || is_array(prog, inside) || is_string(prog, inside);
}
