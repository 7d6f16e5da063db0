//go:build itnio_noflags

package itnio

// #cgo LDFLAGS: -litnio
import "C"
