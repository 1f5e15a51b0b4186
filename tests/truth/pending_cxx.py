"""C++ as C in test_native. Pending until storage of shared pointers, lambdas in std::function and all of libc++'s nodes are typed."""
import test_containers
import test_native


def tests():
    yield from test_native.tests("cxx")
    yield from test_containers.tests(test_containers.PENDING)
