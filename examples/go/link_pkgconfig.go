//go:build !itnio_noflags

package itnio

// #cgo pkg-config: itnio
import "C"
