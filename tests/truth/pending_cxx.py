"""C++ as C in test_native: pending until storage of shared pointers, polymorphic blocks and libc++ are typed."""
import test_native


def tests():
    return test_native.tests("cxx")
