"""C++ as C in test_native and test_leaks_native. Pending until storage of shared pointers, lambdas in std::function and all of
libc++'s nodes are typed, and until a pointer behind the count of new[], or to a second base class, counts as one to the block."""
import test_containers
import test_leaks_native
import test_native


def tests():
    yield from test_native.tests("cxx")
    yield from test_leaks_native.tests("cxx")
    yield from test_containers.tests(test_containers.PENDING)
