// What the cxx-* seeds of tests/fuzz/corpus/die were compiled from: gcc 12 and clang 14, -g -gdwarf-4 or -5, clang with
// -fstandalone-debug, "types" with -fdebug-types-section; then their sections in the order of enum hg_dwarf_section behind
// the sizes of these.
namespace ns
{
struct Impl;
struct Base {
	virtual ~Base();
	int b;
	static int counter;
};
template <class T, int N, class... Ts> struct Box {
	T t[N];
	Box *next;
};
struct V : virtual Base {
	V();
	int v;
};
struct Session : Base {
	struct Inner {
		char *text;
		union {
			long l;
			void *p;
		};
	} inner;
	Impl *impl;
	unsigned bits : 3;
	const char *name;
	const int *const *const first = nullptr;
	int (*cb)(const char *, Session &);
	int Session::*pm;
};
struct Node {
	int n;
	char *rest[];
};
V::V()
{
}
Base::~Base()
{
}
int Base::counter;
Session *g;
Session root;
Node node;
namespace
{
Box<Session *, 3, int, char> hidden;
}
thread_local int calls;
}
typedef struct {
	struct {
		int a;
	} in;
} typed_t;
typed_t typed;
int (*table[3])(char *);
int get(int n)
{
	static int *cache;
	struct Local {
		Local *next;
	};
	static Local *l;
	cache = &n;
	return *cache + ns::calls + !!l + !!ns::hidden.next;
}
int main()
{
	return get(3);
}
