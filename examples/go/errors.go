package itnio

// #include "itnio.h"
import "C"

import (
	"errors"
	"fmt"
)

// Result is the result of a call that failed. More may come with newer versions of the library;
// [Failure.MayHaveDialed] tells what any number means for redialling.
type Result int32

// Up to ShutDown nothing was sent. From TimedOut on the call may have been placed.
const (
	InvalidArgument Result = C.ITNIO_INVALID_ARGUMENT // the caller's mistake
	ResolveFailed   Result = C.ITNIO_RESOLVE_FAILED   // no address for the host name, or not in time
	ConnectFailed   Result = C.ITNIO_CONNECT_FAILED   // refused, unreachable, or ended before the whole request was sent
	TLSFailed       Result = C.ITNIO_TLS_FAILED       // handshake or certificate
	ProxyFailed     Result = C.ITNIO_PROXY_FAILED     // the proxy refused or failed the tunnel
	ShutDown        Result = C.ITNIO_SHUT_DOWN        // Close, or a done context, came before the request was sent

	TimedOut       Result = C.ITNIO_TIMED_OUT       // the request was sent, and no whole response came in time
	ConnectionLost Result = C.ITNIO_CONNECTION_LOST // the request was sent, and the connection ended before a whole response
	HTTPError      Result = C.ITNIO_HTTP_ERROR      // an HTTP response that is not the API's
	BadResponse    Result = C.ITNIO_BAD_RESPONSE    // not the documented response, or not to this request
	InternalError  Result = C.ITNIO_INTERNAL_ERROR  // a bug in the library, caught

	// From FindCall: the call that is looked for is still in doubt.
	NoRecord       Result = C.ITNIO_NO_RECORD       // there is no record of such a call yet
	SeveralRecords Result = C.ITNIO_SEVERAL_RECORDS // the reason has their recording IDs
	RecordsFailed  Result = C.ITNIO_RECORDS_FAILED  // the records could not be read, or an argument is wrong
)

// String is the library's line of English for the result.
func (r Result) String() string {
	return C.GoString(C.itnio_result_message(C.int32_t(r)))
}

// MayHaveDialed reports whether a call that ended with err may have been placed. Only an error that
// says so itself, a [*Refused] or a [*Failure], can make it false: what is not known to be safe to try
// again is not.
func MayHaveDialed(err error) bool {
	var e interface{ MayHaveDialed() bool }
	return !errors.As(err, &e) || e.MayHaveDialed()
}

// Refused is the error of a call that the API has refused: no phone rings, and the same request would
// be refused again. From Record and FindRecords it is a refusal of that look.
type Refused struct {
	Status int    // the API's: -1 authentication, -10 balance, -22 parameter, -24 no such record, ...
	Reason string // one line for a log: the API's own words, or the documented meaning
	isLook bool   // at the records
}

func (e *Refused) Error() string {
	return fmt.Sprintf("itnio: refused with status %d: %s", e.Status, e.Reason)
}

// MayHaveDialed is false; but from Record and FindRecords it is true, since a look at the records says
// nothing about a phone.
func (e *Refused) MayHaveDialed() bool { return e.isLook }

// Failure is the error of NewClient, of a call without a response of the API, and of a look at the records.
type Failure struct {
	Result Result
	Reason string // one line for a log, naming the field, host or file
	cause  error  // a context's error, for errors.Is
	isLook bool   // at the records
}

func (e *Failure) Error() string {
	return fmt.Sprintf("itnio: %v: %s", e.Result, e.Reason)
}

// MayHaveDialed reports whether the call may have been placed. False: no phone rings, and trying again
// is safe. From FindCall, Record and FindRecords it is true, since a look at the records says nothing about
// a phone.
func (e *Failure) MayHaveDialed() bool {
	return e.isLook || bool(C.itnio_may_have_dialed(C.int32_t(e.Result)))
}

// Unwrap is the context's error, where that ended the wait for a turn; else nil.
func (e *Failure) Unwrap() error { return e.cause }

// failed is what a result of the library, which is not ITNIO_OK, is in Go. It frees reason.
func failed(result Result, status C.int32_t, reason *C.char) error {
	if result == C.ITNIO_REJECTED {
		return &Refused{Status: int(status), Reason: take(reason)}
	}
	return &Failure{Result: result, Reason: take(reason)}
}

// ofLook marks an error of Record or FindRecords.
func ofLook(err error) error {
	switch e := err.(type) {
	case *Refused:
		e.isLook = true
	case *Failure:
		e.isLook = true
	}
	return err
}

func invalid(field, mistake string) error {
	return &Failure{Result: InvalidArgument, Reason: field + ": " + mistake}
}

func shutDown() error {
	return &Failure{Result: ShutDown, Reason: "client: closed"}
}

func abandoned(cause error) error {
	return &Failure{Result: ShutDown, Reason: "waiting for a turn: " + cause.Error(), cause: cause}
}
