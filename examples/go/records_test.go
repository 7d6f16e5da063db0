package itnio_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"libitnio.org/itnio"
	"libitnio.org/itnio/internal/sandbox"
)

// placeInDoubt places a call whose response is lost, and gives the time before it.
func placeInDoubt(t testing.TB, client *itnio.Client, callee string) (since time.Time) {
	t.Helper()
	since = time.Now()
	_, err := client.SendSip(request(callee))
	expectFailure(t, err, itnio.ConnectionLost)
	return since
}

func findCall(
	client *itnio.Client, callee string, since time.Time, patience time.Duration,
) (recordingID string, err error) {
	return client.FindCall(context.Background(), request(callee), since, patience)
}

// expectDoubt fails the test unless err is a Failure with this result, after which the call may have been placed.
func expectDoubt(t testing.TB, err error, result itnio.Result) *itnio.Failure {
	t.Helper()
	failure := expectFailure(t, err, result)
	if !failure.MayHaveDialed() || !itnio.MayHaveDialed(err) {
		t.Errorf("%v: the call is still in doubt", err)
	}
	return failure
}

func TestRecordsOfTheSandboxResolveDoubt(t *testing.T) {
	gateway := sandbox.Start(t, "--on", "91=drop",
		"--on", "96=drop,record-delay-ms:600000", "--on", "97=drop,record-delay-ms:1500")
	client := newClient(t, forSandbox(gateway))
	before := time.Now().Add(-5 * time.Second)

	t.Run("accepted", func(t *testing.T) {
		id, err := client.SendSip(request("8613800130000"))
		if err != nil {
			t.Fatal(err)
		}
		record, err := client.Record(context.Background(), id)
		if err != nil || record.RecordingID != id || record.Callee != "8613800130000" {
			t.Errorf("got %+v, %v", record, err)
		}
		// And its ID is not another call's.
		_, err = findCall(client, "8613800130000", before, 0)
		expectDoubt(t, err, itnio.NoRecord)
	})
	t.Run("refused", func(t *testing.T) {
		if _, err := client.SendSip(request("8613800130010")); itnio.MayHaveDialed(err) {
			t.Fatal(err)
		}
		_, err := findCall(client, "8613800130010", before, 0)
		expectDoubt(t, err, itnio.NoRecord)
	})
	t.Run("doubt resolved as placed", func(t *testing.T) {
		for callee, patience := range map[string]time.Duration{
			"8613800130091": 0,
			"8613800130097": 30 * time.Second, // its record appears later
		} {
			id, err := findCall(client, callee, placeInDoubt(t, client, callee), patience)
			if err != nil || len(id) != 19 {
				t.Fatalf("got %q, %v", id, err)
			}
			record, err := client.Record(context.Background(), id)
			if err != nil || record.Callee != callee || record.SubmittedAt.Before(before) {
				t.Errorf("got %+v, %v", record, err)
			}
			_, err = findCall(client, callee, before, 0)
			expectDoubt(t, err, itnio.NoRecord) // it has been handed out
		}
	})
	t.Run("placed before that time, or with another number shown", func(t *testing.T) {
		r := request("8613800130291")
		r.DisplayNum = "4930123456"
		since := time.Now()
		if _, err := client.SendSip(r); err == nil {
			t.Fatal("the response is not lost")
		}
		_, err := client.FindCall(context.Background(), r, since.Add(10*time.Minute), 0)
		expectDoubt(t, err, itnio.NoRecord)
		other := r
		other.DisplayNum = "4930654321"
		_, err = client.FindCall(context.Background(), other, since, 0)
		expectDoubt(t, err, itnio.NoRecord)
		if _, err = client.FindCall(context.Background(), r, since, 0); err != nil {
			t.Error(err)
		}
	})
	t.Run("doubt that stays", func(t *testing.T) {
		since := placeInDoubt(t, client, "8613800130096")
		start := time.Now()
		_, err := findCall(client, "8613800130096", since, time.Second)
		expectDoubt(t, err, itnio.NoRecord)
		if took := time.Since(start); took < time.Second {
			t.Errorf("it looked for %v only", took)
		}
	})
	t.Run("several records", func(t *testing.T) {
		const callee = "8613800131191"
		since := placeInDoubt(t, client, callee)
		placeInDoubt(t, client, callee)
		_, err := findCall(client, callee, since, 0)
		failure := expectDoubt(t, err, itnio.SeveralRecords)
		records, err := client.FindRecords(context.Background(), itnio.RecordQuery{Since: before, Callee: callee})
		if err != nil || len(records) != 2 {
			t.Fatalf("got %+v, %v", records, err)
		}
		for _, record := range records {
			if !strings.Contains(failure.Reason, record.RecordingID) {
				t.Errorf("%q is not in %q", record.RecordingID, failure.Reason)
			}
		}
	})
	t.Run("no such record", func(t *testing.T) {
		_, err := client.Record(context.Background(), "2203031113381000002")
		var refused *itnio.Refused
		if !errors.As(err, &refused) || refused.Status != -24 || !itnio.MayHaveDialed(err) {
			t.Errorf("got %v", err)
		}
	})

	client.Close()
	expected := map[string]int{"8613800130000": 1, "8613800130010": 1, "8613800130091": 1, "8613800130096": 1,
		"8613800130097": 1, "8613800130291": 1, "8613800131191": 2}
	if diary := gateway.Diary(); !reflect.DeepEqual(diary, expected) {
		t.Errorf("a look at the records has placed a call: %v", diary)
	}
}

// serveRecords is an API with these records (JSON objects, with commas between them), and no calls.
func serveRecords(t testing.TB, records string) itnio.Config {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		data := `{"total":1,"size":100,"current":1,"pages":1,"records":[` + records + `]}`
		if strings.HasPrefix(r.URL.Path, "/voice/recordSip/") {
			data = records
		}
		fmt.Fprintf(w, `{"status":"0","reason":"success","data":%s}`, data)
	})
}

func TestRecordHasWhatTheAPIGave(t *testing.T) {
	client := newClient(t, serveRecords(t, `{"voiceId":"2203031113381000002","sipGroupName":"group1",
		"phoneName":"sipName8555","callee":"8613500000000","displayNum":"1008122211","code":"Afghanistan(Kandahar)",
		"submitTime":"2022-02-18T14:42:40+08:00","callTime":"2022-02-18T14:42:41+08:00",
		"ringingTime":"2022-02-18T14:42:42+08:00","answerTime":"2022-02-18T14:42:43+08:00","hangupTime":"18.02.2022",
		"callDuration":5,"chargedDuration":60,"terminationCode":"200","terminationReason":"success",
		"cost":0.10,"rate":"0.1000","billPeriod":"60+60","currency":"CNY","recordingFileId":"x","unknown":{}}`))
	record, err := client.Record(context.Background(), "2203031113381000002")
	if err != nil {
		t.Fatal(err)
	}
	submitted := time.Unix(1_645_166_560, 0)
	expected := itnio.Record{
		RecordingID: "2203031113381000002", Callee: "8613500000000", DisplayNum: "1008122211",
		PhoneName: "sipName8555", PhoneGroup: "group1", Region: "Afghanistan(Kandahar)",
		SubmitTime: "2022-02-18T14:42:40+08:00", CallTime: "2022-02-18T14:42:41+08:00",
		RingingTime: "2022-02-18T14:42:42+08:00", AnswerTime: "2022-02-18T14:42:43+08:00", HangupTime: "18.02.2022",
		SubmittedAt: submitted, CalledAt: submitted.Add(time.Second),
		RingingAt: submitted.Add(2 * time.Second), AnsweredAt: submitted.Add(3 * time.Second),
		CallDuration: 5 * time.Second, ChargedDuration: time.Minute,
		TerminationCode: "200", TerminationReason: "success",
		Cost: "0.10", Rate: "0.1000", BillingPeriod: "60+60", Currency: "CNY", RecordingFileID: "x",
	}
	if record != expected {
		t.Errorf("got\n%+v, not\n%+v", record, expected)
	}

	client = newClient(t, serveRecords(t, `{"voiceId":"1"}`))
	record, err = client.Record(context.Background(), "1")
	expected = itnio.Record{RecordingID: "1", CallDuration: -time.Second, ChargedDuration: -time.Second}
	if err != nil || record != expected || !record.AnsweredAt.IsZero() {
		t.Errorf("got %+v, %v", record, err)
	}
}

func TestFindRecordsGivesThoseThatAreAskedForTheNewestFirst(t *testing.T) {
	config := serveRecords(t, `
		{"voiceId":"1","callee":"11","displayNum":"21","phoneName":"a","sipGroupName":"x","submitTime":"2022-02-18T00:00:01Z"},
		{"voiceId":"3","callee":"11","displayNum":"22","phoneName":"b","sipGroupName":"x","submitTime":"2022-02-18T00:00:03Z"},
		{"voiceId":"2","callee":"12","displayNum":"21","phoneName":"b","sipGroupName":"y","submitTime":"2022-02-18T00:00:02Z"}`)
	client := newClient(t, config)
	at := func(second int) time.Time { return time.Date(2022, 2, 18, 0, 0, second, 0, time.UTC) }
	for _, c := range []struct {
		query    itnio.RecordQuery
		expected string
	}{
		{itnio.RecordQuery{}, "3 2 1"},
		{itnio.RecordQuery{Until: at(2)}, "2 1"},
		{itnio.RecordQuery{Since: at(2)}, "3 2"},
		{itnio.RecordQuery{Callee: "11"}, "3 1"},
		{itnio.RecordQuery{DisplayNum: "21"}, "2 1"},
		{itnio.RecordQuery{PhoneName: "b"}, "3 2"},
		{itnio.RecordQuery{PhoneGroup: "y"}, "2"},
		{itnio.RecordQuery{MaxRecords: 2}, "3 2"},
		{itnio.RecordQuery{Callee: "13"}, ""},
	} {
		if c.query.Since.IsZero() {
			c.query.Since = at(0)
		}
		// A range that goes on until now would be asked for month by month.
		if c.query.Until.IsZero() {
			c.query.Until = at(59)
		}
		records, err := client.FindRecords(context.Background(), c.query)
		ids := make([]string, len(records))
		for i, record := range records {
			ids[i] = record.RecordingID
		}
		if got := strings.Join(ids, " "); err != nil || got != c.expected {
			t.Errorf("%+v: got %q, %v", c.query, got, err)
		}
	}
}

func TestMistakeInALookAtTheRecordsSaysNothingAboutAPhone(t *testing.T) {
	var requests int32
	client := newClient(t, serve(t, func(http.ResponseWriter, *http.Request) {
		atomic.AddInt32(&requests, 1)
	}))
	expect := func(field string, err error, result itnio.Result) {
		t.Helper()
		if failure := expectDoubt(t, err, result); !strings.HasPrefix(failure.Reason, field+": ") {
			t.Errorf("got %v, not a mistake in %s", err, field)
		}
	}
	ctx, now := context.Background(), time.Now()
	const nul = "1\x00"

	for field, change := range map[string]func(*itnio.Request){
		"callee":      func(r *itnio.Request) { r.Callee = nul },
		"display_num": func(r *itnio.Request) { r.DisplayNum = "\xff" },
		"account":     func(r *itnio.Request) { r.Account = nul },
		"timeout_ms":  func(r *itnio.Request) { r.Timeout = -1 },
	} {
		r := request("8613800138000")
		change(&r)
		_, err := client.FindCall(ctx, r, now, 0)
		expect(field, err, itnio.RecordsFailed)
	}
	_, err := client.FindCall(ctx, request("8613800138000"), now, -time.Second)
	expect("patience", err, itnio.RecordsFailed)
	_, err = client.FindCall(ctx, request("8613800138000"), time.Time{}, 0)
	expect("since", err, itnio.RecordsFailed)

	for _, id := range []string{"", nul, ".."} {
		_, err := client.Record(ctx, id)
		expect("recording_id", err, itnio.InvalidArgument)
	}
	for field, query := range map[string]itnio.RecordQuery{
		"since":       {},
		"until":       {Since: now, Until: time.Unix(-1, 0)},
		"callee":      {Since: now, Callee: nul},
		"display_num": {Since: now, DisplayNum: nul},
		"phone_name":  {Since: now, PhoneName: nul},
		"phone_group": {Since: now, PhoneGroup: "\xff"},
		"max_records": {Since: now, MaxRecords: -1},
		"timeout_ms":  {Since: now, Timeout: -1},
	} {
		_, err := client.FindRecords(ctx, query)
		expect(field, err, itnio.InvalidArgument)
	}

	zero := &itnio.Client{}
	_, err = zero.FindCall(ctx, request("8613800138000"), now, 0)
	expect("client", err, itnio.RecordsFailed)
	_, err = zero.Record(ctx, "1")
	expect("client", err, itnio.InvalidArgument)
	_, err = zero.FindRecords(ctx, itnio.RecordQuery{Since: now})
	expect("client", err, itnio.InvalidArgument)
	if n := atomic.LoadInt32(&requests); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestLookThatFailsSaysNothingAboutAPhone(t *testing.T) {
	client := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"status":"-1","reason":"who are you?","data":null}`)
	}))
	_, err := findCall(client, "8613800138000", time.Now(), 0)
	if failure := expectDoubt(t, err, itnio.RecordsFailed); !strings.Contains(failure.Reason, "who are you?") {
		t.Errorf("got %v", err)
	}
	_, recordErr := client.Record(context.Background(), "1")
	_, recordsErr := client.FindRecords(context.Background(), itnio.RecordQuery{Since: time.Now()})
	for _, err := range []error{recordErr, recordsErr} {
		var refused *itnio.Refused
		if !errors.As(err, &refused) || refused.Status != -1 || !itnio.MayHaveDialed(err) {
			t.Errorf("got %v", err)
		}
	}

	client = newClient(t, itnio.Config{APIKey: "key", APISecret: "secret", BaseURL: "http://" + closedPort(t)})
	_, err = findCall(client, "8613800138000", time.Now(), 0)
	expectDoubt(t, err, itnio.RecordsFailed)
	_, err = client.Record(context.Background(), "1")
	expectDoubt(t, err, itnio.ConnectFailed)
	_, err = client.FindRecords(context.Background(), itnio.RecordQuery{Since: time.Now()})
	expectDoubt(t, err, itnio.ConnectFailed)
}

func TestTimeoutOfARequestGoesBeforeTheClients(t *testing.T) {
	_, config := serveStuck(t)
	client := newClient(t, config)
	r := request("8613800138000")
	r.Timeout = 200 * time.Millisecond
	start := time.Now()
	_, err := client.SendSip(r)
	expectFailure(t, err, itnio.TimedOut)
	_, err = client.FindCall(context.Background(), r, start, 0)
	expectDoubt(t, err, itnio.RecordsFailed)
	_, err = client.FindRecords(context.Background(), itnio.RecordQuery{Since: start, Timeout: r.Timeout})
	expectDoubt(t, err, itnio.TimedOut)
	if took := time.Since(start); took < 3*r.Timeout || took > 20*time.Second { // of a timeout of 30
		t.Errorf("it took %v", took)
	}
}
