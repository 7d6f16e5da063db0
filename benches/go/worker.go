// Places calls and measures them, as benches/c/worker.c does, and by its commands (but for fresh and keep), with
// goroutines as its threads:
//
//	worker itnio|net/http BASE_URL CA_FILE
//
// itnio is the Go package, net/http a client used well: one for all goroutines, with an idle connection for each.
// The work is the same: each call signs, writes and reads JSON, and verifies the server's certificate.
package main

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"sort"
	"strconv"
	"sync"
	"syscall"
	"time"

	"example.com/itnio"
)

// The call of benches/c/worker.h.
const (
	apiKey         = "bDqJFiq9"
	apiSecret      = "7bz1lzh9"
	callee         = "4915112345678"
	displayNum     = "4915187654321"
	account        = "1001"
	appID          = "4"
	connectTimeout = 30 * time.Second
	timeout        = 60 * time.Second
)

// A call places one, and fails where it is not accepted.
type call func() error

func itnioCall(baseURL, caFile string) (call, error) {
	client, err := itnio.NewClient(itnio.Config{
		APIKey:         apiKey,
		APISecret:      apiSecret,
		BaseURL:        baseURL,
		CAFile:         caFile,
		NoProxy:        true,
		ConnectTimeout: connectTimeout,
		Timeout:        timeout,
	})
	if err != nil {
		return nil, err
	}
	return func() error {
		_, err := client.SendSip(itnio.Request{
			Callee:     callee,
			DisplayNum: displayNum,
			Account:    account,
			AppID:      appID,
		})
		return err
	}, nil
}

type request struct {
	Callee     string `json:"callee"`
	DisplayNum string `json:"displayNum,omitempty"`
	Account    string `json:"account"`
	AppID      string `json:"appId"`
}

type response struct {
	Status string `json:"status"`
	Reason string `json:"reason"`
	Data   string `json:"data"`
}

func httpCall(baseURL, caFile string) (call, error) {
	pem, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", caFile)
	}
	client := &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			DialContext:     (&net.Dialer{Timeout: connectTimeout}).DialContext,
			TLSClientConfig: &tls.Config{RootCAs: roots},
			// With the default, 2, most goroutines would connect anew for most calls.
			MaxIdleConnsPerHost: 256,
		},
	}
	return func() error {
		body, err := json.Marshal(request{callee, displayNum, account, appID})
		if err != nil {
			return err
		}
		post, err := http.NewRequest(http.MethodPost, baseURL+"/sendSip", bytes.NewReader(body))
		if err != nil {
			return err
		}
		timestamp := strconv.FormatInt(time.Now().Unix(), 10)
		sum := md5.Sum([]byte(apiKey + apiSecret + timestamp))
		post.Header.Set("Content-Type", "application/json;charset=UTF-8")
		post.Header.Set("Sign", hex.EncodeToString(sum[:]))
		post.Header.Set("Timestamp", timestamp)
		post.Header.Set("Api-Key", apiKey)
		reply, err := client.Do(post)
		if err != nil {
			return err
		}
		defer reply.Body.Close()
		text, err := io.ReadAll(reply.Body)
		if err != nil {
			return err
		}
		var read response
		if err := json.Unmarshal(text, &read); err != nil {
			return err
		}
		if reply.StatusCode != http.StatusOK || read.Status != "0" || read.Data == "" {
			return fmt.Errorf("not an accepted call: %s", text)
		}
		return nil
	}, nil
}

// How many times of calls are stored, over all goroutines. Further calls are counted, not timed.
const maxSamples = 1 << 21

func fail(err error) {
	fmt.Fprintf(os.Stderr, "worker: %v\n", err)
	os.Exit(1)
}

func cpuTime() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fail(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// measure has so many goroutines place calls for so long or, where that is 0, so many calls each.
func measure(place call, goroutines int, span time.Duration, calls int) string {
	samples := make([][]int64, goroutines)
	counts := make([]int, goroutines)
	for i := range samples {
		samples[i] = make([]int64, 0, maxSamples/goroutines)
	}
	cpu, began := cpuTime(), time.Now()
	var group sync.WaitGroup
	for i := 0; i < goroutines; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			taken, count := samples[i], 0
			last := time.Now()
			for count < calls || last.Sub(began) < span {
				if err := place(); err != nil {
					fail(err)
				}
				after := time.Now()
				if len(taken) < cap(taken) {
					taken = append(taken, int64(after.Sub(last)))
				}
				count++
				last = after
			}
			samples[i], counts[i] = taken, count
		}(i)
	}
	group.Wait()
	elapsed := time.Since(began)
	cpu = cpuTime() - cpu

	var all []int64
	total := 0
	for i := range samples {
		all = append(all, samples[i]...)
		total += counts[i]
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	if len(all) == 0 {
		fail(fmt.Errorf("measuring no call"))
	}
	median, p99 := all[len(all)/2], all[len(all)-1-len(all)/100]
	return fmt.Sprintf("%d %d %d %d %d", total, int64(elapsed), cpu, median, p99)
}

// warm has so many goroutines at once place a call, so that each has a connection.
func warm(place call, goroutines int) {
	measure(place, goroutines, 0, 1)
}

func main() {
	if len(os.Args) != 4 {
		os.Exit(2)
	}
	kind, baseURL, caFile := os.Args[1], os.Args[2], os.Args[3]
	prepare, version := itnioCall, "the Go package, "+runtime.Version()
	if kind == "net/http" {
		prepare, version = httpCall, "net/http, "+runtime.Version()
	}
	place, err := prepare(baseURL, caFile)
	if err != nil {
		fail(err)
	}
	goroutines := 1
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var command string
		var number int
		fmt.Sscan(lines.Text(), &command, &number)
		switch {
		case command == "version":
			fmt.Println(version)
		case command == "threads" && number > 0:
			goroutines = number
			warm(place, goroutines)
			fmt.Println(0)
		case command == "run" && number > 0:
			fmt.Println(measure(place, goroutines, time.Duration(number)*time.Millisecond, 0))
		case command == "calls" && number > 0:
			fmt.Println(measure(place, goroutines, 0, number))
		default:
			fail(fmt.Errorf("%s", lines.Text()))
		}
	}
}
