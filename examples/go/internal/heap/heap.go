//go:build linux

// Package heap looks into the C heap, for tests of leaks: cgo is not allowed in test files.
package heap

// #include <malloc.h>
//
// static size_t in_use(void)
// {
//     struct mallinfo2 info = mallinfo2();
//     return info.uordblks + info.hblkhd;
// }
import "C"

// InUse is how many bytes of glibc's heaps are allocated.
func InUse() int {
	return int(C.in_use())
}
