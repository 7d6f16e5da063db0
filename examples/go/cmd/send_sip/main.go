// Send_sip places phone calls through the Itniotech API, all at once, and gives the result of each.
//
//	send_sip -account ACCOUNT -app-id ID [-display-num NUMBER] [-called-info TEXT] [-patience TIME] CALLEE...
//
// It takes from the environment
//
//	ITNIO_API_KEY, ITNIO_API_SECRET   the credentials (required)
//	ITNIO_BASE_URL                    where the API is, if not at Itniotech's own address
//	ITNIO_CA_FILE                     a PEM file to trust instead of the system's trust store
//
// and prints a line for each callee, as its result comes in:
//
//	8613800138000 placed 2203031113381000002
//	8613800138010 refused itnio: refused with status -10: the customer's balance is insufficient
//	8613800138020 not-sent itnio: ...
//	8613800138030 unknown itnio: ...
//
// A call whose result is unknown is looked up in the API's records, for at most the patience (10 s), and is
// "placed" where it is found there. Unknown is the line that matters: the phone may have rung, so look before you
// redial. Not-sent is safe to try again. Ctrl-C ends the calls in progress, and each still gets its true line.
//
// The exit status is 3 if any line is unknown, else 2 if any is not-sent, else 1 if any is refused,
// else 0; 64 if it was used wrongly, and nothing was sent.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"libitnio.org/itnio"
)

const (
	exitRefused = 1
	exitNotSent = 2
	exitUnknown = 3
	exitUsage   = 64
)

func main() {
	os.Exit(run())
}

func run() int {
	var request itnio.Request
	flags := flag.NewFlagSet("send_sip", flag.ContinueOnError)
	flags.StringVar(&request.Account, "account", "", "the phone's `account` (required)")
	flags.StringVar(&request.AppID, "app-id", "", "the voice application's `ID` (required)")
	flags.StringVar(&request.DisplayNum, "display-num", "", "the `number` to show")
	flags.StringVar(&request.CalledInfo, "called-info", "", "`text` that goes with the call")
	patience := flags.Duration("patience", 10*time.Second, "for how long a call in doubt is looked for")
	if err := flags.Parse(os.Args[1:]); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return exitUsage
	}
	callees := flags.Args()
	if err := check(request, callees); err != nil {
		fmt.Fprintln(os.Stderr, "send_sip:", err)
		return exitUsage
	}

	client, err := itnio.NewClient(itnio.Config{
		APIKey:    os.Getenv("ITNIO_API_KEY"),
		APISecret: os.Getenv("ITNIO_API_SECRET"),
		BaseURL:   os.Getenv("ITNIO_BASE_URL"),
		CAFile:    os.Getenv("ITNIO_CA_FILE"),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "send_sip:", err)
		return exitUsage
	}
	defer client.Close()

	// Ctrl-C: the context ends the calls that wait for their turn, and Close those in progress.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		client.Close()
	}()
	return callAll(ctx, client, request, callees, *patience)
}

func check(request itnio.Request, callees []string) error {
	if request.Account == "" || request.AppID == "" || len(callees) == 0 {
		return errors.New("-account, -app-id and a callee are required; -help says more")
	}
	seen := make(map[string]bool)
	for _, callee := range callees {
		if seen[callee] {
			return fmt.Errorf("%s is there twice", callee)
		}
		seen[callee] = true
	}
	return nil
}

// callAll gives every call a goroutine: the client sees to it that not too many are under way.
func callAll(
	ctx context.Context, client *itnio.Client, request itnio.Request, callees []string, patience time.Duration,
) (exit int) {
	var output sync.Mutex // guards exit, too
	var calls sync.WaitGroup
	for _, callee := range callees {
		request := request
		request.Callee = callee
		calls.Add(1)
		go func() {
			defer calls.Done()
			recordingID, err := call(ctx, client, request, patience)
			output.Lock()
			defer output.Unlock()
			if code := report(request.Callee, recordingID, err); code > exit {
				exit = code
			}
		}()
	}
	calls.Wait()
	return exit
}

// call places a call, and looks it up where that leaves it in doubt.
func call(
	ctx context.Context, client *itnio.Client, request itnio.Request, patience time.Duration,
) (recordingID string, err error) {
	since := time.Now()
	recordingID, err = client.SendSipContext(ctx, request)
	if err == nil || !itnio.MayHaveDialed(err) {
		return recordingID, err
	}
	// This only reads: it never places a call.
	recordingID, lookErr := client.FindCall(ctx, request, since, patience)
	if lookErr != nil {
		// Nobody says how soon a record appears, so that it may still have been placed.
		return "", fmt.Errorf("%w (%v)", err, lookErr)
	}
	return recordingID, nil
}

// report shows that there are four cases, and what each means for redialling.
func report(callee, recordingID string, err error) int {
	var refused *itnio.Refused
	switch {
	case err == nil:
		fmt.Println(callee, "placed", recordingID)
		return 0
	case errors.As(err, &refused):
		fmt.Println(callee, "refused", err)
		return exitRefused
	case itnio.MayHaveDialed(err):
		fmt.Println(callee, "unknown", err)
		return exitUnknown
	default:
		fmt.Println(callee, "not-sent", err)
		return exitNotSent
	}
}
