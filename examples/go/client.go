// Package itnio places phone calls through the Itniotech voice API. It is cgo over libitnio, and
// keeps libitnio's two promises: a request that may have reached the API is never sent again, and
// every error says whether the phone may have rung.
//
// # Threads
//
// A call blocks in C until its result is known, and so occupies an operating system
// thread, which Go keeps for the life of the process once it has made it (golang/go#14592). Any number of
// goroutines may share a Client; [Config.MaxCalls] limits how many of them are in C at once, and the
// others wait in Go, where waiting costs little.
//
// # Building
//
// The module is not published: its path leads nowhere, and a program says where the source is,
//
//	go mod edit -require libitnio.org/itnio@v0.0.0 -replace libitnio.org/itnio=../libitnio/examples/go
//
// cgo asks pkg-config for itnio. Without pkg-config, build with -tags itnio_noflags and say in
// CGO_CFLAGS and CGO_LDFLAGS where the header and the library are.
package itnio

// #include <stdlib.h>
// #include "itnio.h"
import "C"

import (
	"context"
	"math"
	"runtime"
	"sync"
	"time"
	"unsafe"
)

// DefaultMaxCalls is what a zero [Config.MaxCalls] means.
const DefaultMaxCalls = 128

// Config is what a client is made from. A zero field means its default; itnio.h has the whole story of
// each.
type Config struct {
	APIKey    string // required
	APISecret string // required

	// BaseURL is the URL up to, and without, "/sendSip". Default: the API's own.
	BaseURL string

	// CAFile is a PEM file with the authorities to trust instead of the system's trust store.
	CAFile string

	// Proxy is the proxy to tunnel through, such as "http://user:password@proxy:3128" or
	// "socks5h://proxy:1080". Default: what HTTPS_PROXY, ALL_PROXY and NO_PROXY say. NoProxy is for no
	// proxy, whatever they say.
	Proxy   string
	NoProxy bool

	// ConnectTimeout is the most that DNS, TCP, proxy and TLS may take together. Default: 5 s.
	// Timeout is the most that a call may take from the moment that its turn has come (see
	// MaxCalls). Default: 30 s. Both are rounded up to whole milliseconds.
	ConnectTimeout time.Duration
	Timeout        time.Duration

	// MaxCalls is how many calls may be in progress at once, each on a thread of its own. Those beyond
	// it wait for their turn. Default: [DefaultMaxCalls].
	MaxCalls int
}

// Request is a call to place. What is empty and not required is left out. The rules for numbers and
// lengths are the API's to judge; it refuses with status -22.
type Request struct {
	Callee     string // required: country code and number, 7 to 15 digits
	DisplayNum string // the number to show, 7 to 15 digits
	Account    string // required: the phone's account
	AppID      string // required: the voice application's ID
	CalledInfo string // text that goes with the call, up to 1000 characters

	// Timeout is the most that this call may take from the moment that its turn has come, rounded up to
	// whole milliseconds. Default: [Config.Timeout].
	Timeout time.Duration
}

// Client places the calls of one account, over connections that it keeps between them. It is safe for
// any number of goroutines; make one and share it. It comes from [NewClient] only, and must not be
// copied.
type Client struct {
	turns chan struct{} // holds an element for each call in progress
	once  sync.Once     // for Close

	// Held for reading by a call in progress, and for writing when handle is freed and set to nil.
	mutex  sync.RWMutex
	handle *C.itnio_client
}

// NewClient makes a client. It reads the certificates and the environment, and connects to nothing.
// The error is a [*Failure].
func NewClient(config Config) (*Client, error) {
	if config.MaxCalls < 0 {
		return nil, invalid("MaxCalls", "negative")
	}
	if config.MaxCalls == 0 {
		config.MaxCalls = DefaultMaxCalls
	}

	var fields fields
	defer fields.free()
	c := C.itnio_config{
		api_key:            fields.required("api_key", config.APIKey),
		api_secret:         fields.required("api_secret", config.APISecret),
		base_url:           fields.optional("base_url", config.BaseURL),
		ca_file:            fields.optional("ca_file", config.CAFile),
		proxy:              fields.optional("proxy", config.Proxy),
		connect_timeout_ms: fields.milliseconds("connect_timeout_ms", config.ConnectTimeout),
		timeout_ms:         fields.milliseconds("timeout_ms", config.Timeout),
	}
	if config.NoProxy {
		if config.Proxy != "" {
			return nil, invalid("proxy", "given, with NoProxy")
		}
		c.proxy = fields.required("proxy", "") // in C, "" is no proxy, and NULL the environment's
	}
	if fields.err != nil {
		return nil, fields.err
	}

	var handle *C.itnio_client
	var reason *C.char
	result := Result(C.itnio_client_new(&c, &handle, &reason))
	if result != C.ITNIO_OK {
		return nil, &Failure{Result: result, Reason: take(reason)}
	}
	client := &Client{turns: make(chan struct{}, config.MaxCalls), handle: handle}
	// For a client that is dropped without Close, as for an os.File.
	runtime.SetFinalizer(client, func(c *Client) { c.Close() })
	return client, nil
}

// SendSip is [Client.SendSipContext] without a context.
func (c *Client) SendSip(request Request) (recordingID string, err error) {
	return c.SendSipContext(context.Background(), request)
}

// SendSipContext places a call, waits until its result is known, and returns the recording
// ID, which is never empty where err is nil.
//
// The error is a [*Refused] where the API has refused the call, and else a [*Failure];
// [MayHaveDialed] tells for either whether to look before trying again.
//
// When ctx is done while the call waits for its turn, it is not placed. From then on ctx has no
// influence: a request that was sent cannot be taken back, and to stop waiting for the response would
// only lose its result. [Config.Timeout] bounds that wait, and Close ends it.
func (c *Client) SendSipContext(ctx context.Context, request Request) (recordingID string, err error) {
	var fields fields
	defer fields.free()
	r := fields.request(request)
	if fields.err != nil {
		return "", fields.err
	}

	if err := c.begin(ctx); err != nil {
		return "", err
	}
	defer c.end()
	var status C.int32_t
	var id, reason *C.char
	result := Result(C.itnio_send_sip(c.handle, &r, &status, &id, &reason))
	if result != C.ITNIO_OK {
		return "", failed(result, status, reason)
	}
	return take(id), nil
}

// Close ends the calls in progress, each with its true error, waits until they have returned, and
// frees the client, its connections and its copy of the secret. Calls from then on are not sent, and
// their error is a [*Failure] with [ShutDown]. Close may be called more than once, and at any time;
// the error is always nil.
func (c *Client) Close() error {
	if c == nil || c.turns == nil {
		return nil
	}
	c.once.Do(func() {
		runtime.SetFinalizer(c, nil)
		C.itnio_client_shutdown(c.handle) // only the next lines change handle
		c.mutex.Lock()
		defer c.mutex.Unlock()
		C.itnio_client_free(c.handle)
		c.handle = nil
	})
	return nil
}

// begin waits for a turn, and keeps the handle, which is there, from being freed. Without an error, end has
// to follow.
func (c *Client) begin(ctx context.Context) error {
	if c == nil || c.turns == nil {
		return invalid("client", "not made by NewClient")
	}
	select {
	case c.turns <- struct{}{}:
	case <-ctx.Done():
		return abandoned(ctx.Err())
	}
	// A select takes any of the cases that are ready.
	if err := ctx.Err(); err != nil {
		<-c.turns
		return abandoned(err)
	}
	c.mutex.RLock()
	if c.handle == nil {
		c.end()
		return shutDown()
	}
	return nil
}

func (c *Client) end() {
	c.mutex.RUnlock()
	<-c.turns
}

// take copies a string of the library's, and frees it.
func take(s *C.char) string {
	defer C.itnio_free_string(s)
	return C.GoString(s)
}

// fields makes C values of Go ones, and remembers the first that cannot be one.
type fields struct {
	err     error
	strings []*C.char
}

// optional is NULL for an empty string.
func (f *fields) optional(name, value string) *C.char {
	if value == "" {
		return nil
	}
	return f.required(name, value)
}

// required leaves it to the library to say that an empty string will not do.
func (f *fields) required(name, value string) *C.char {
	// C would take a NUL for the end, and call another number than the one given.
	for i := 0; i < len(value); i++ {
		if value[i] == 0 {
			f.fail(invalid(name, "has a NUL character in it"))
			return nil
		}
	}
	s := C.CString(value)
	f.strings = append(f.strings, s)
	return s
}

func (f *fields) request(r Request) C.itnio_sip_request {
	return C.itnio_sip_request{
		callee:      f.required("callee", r.Callee),
		display_num: f.optional("display_num", r.DisplayNum),
		account:     f.required("account", r.Account),
		app_id:      f.required("app_id", r.AppID),
		called_info: f.optional("called_info", r.CalledInfo),
		timeout_ms:  f.milliseconds("timeout_ms", r.Timeout),
	}
}

func (f *fields) milliseconds(name string, value time.Duration) C.uint32_t {
	// Rounded up, since 0 stands for the default.
	ms := value / time.Millisecond
	if value%time.Millisecond > 0 {
		ms++
	}
	if value < 0 || ms > math.MaxUint32 {
		f.fail(invalid(name, value.String()+" is out of range"))
	}
	return C.uint32_t(ms)
}

func (f *fields) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

func (f *fields) free() {
	for _, s := range f.strings {
		C.free(unsafe.Pointer(s))
	}
}
