package itnio

// #include "itnio.h"
import "C"

import (
	"context"
	"math"
	"strconv"
	"time"
)

// Record is a record of a call, as the API gave it. Texts are as received; "": not there.
type Record struct {
	RecordingID string // as SendSip gives it, never empty
	Callee      string // the number that was called
	DisplayNum  string // the number that was shown
	PhoneName   string // the phone's name, which is not its account
	PhoneGroup  string // the name of the phone's group
	Region      string // the callee's region and operator

	SubmitTime  string // when the call was asked for
	CallTime    string // when the callee was called
	RingingTime string // when the phone rang
	AnswerTime  string // when the callee answered
	HangupTime  string // when the call was over

	// The same by this host's clock, as far as the server's is known. Zero: not there, or not in the
	// documented format.
	SubmittedAt time.Time
	CalledAt    time.Time
	RingingAt   time.Time
	AnsweredAt  time.Time
	HungUpAt    time.Time

	CallDuration    time.Duration // negative: not there
	ChargedDuration time.Duration // how much of that is charged; negative: not there

	TerminationCode   string // how the call ended: a SIP code, "200" where it was established
	TerminationReason string // the same in words
	Cost              string // what the call cost, with the digits received
	Rate              string // what a billing period costs, with the digits received
	BillingPeriod     string // such as "60+60": the first period and the others, in seconds
	Currency          string // of Cost and Rate; "": that of the account, by the documentation US dollars
	RecordingFileID   string // the ID of the file with the recorded call
}

// RecordQuery is which records to look for. What is empty means any.
type RecordQuery struct {
	Since time.Time // required: calls that were submitted at this time or later, by this host's clock
	Until time.Time // calls that were submitted at this time or before; default: now

	Callee     string // the number that was called
	DisplayNum string // the number that was shown
	PhoneName  string // the phone's name, which is not its account
	PhoneGroup string // the name of the phone's group

	// MaxRecords is the most records that are handed out, the newest ones. Default: 100.
	MaxRecords int

	// Timeout is the most that it may take from the moment that its turn has come, however many pages there
	// are, rounded up to whole milliseconds. Default: [Config.Timeout].
	Timeout time.Duration
}

// FindCall looks a call up that is in doubt: was one like it placed? It is for after a SendSip whose error makes
// [MayHaveDialed] true.
//
// The request is the one that was given to SendSip; its callee, and its display number where it has one,
// have to be those of the record. The time before SendSip was called is since; the server's clock is allowed
// for. The API is asked at once, and where it has no record yet, again with growing pauses, until patience is
// over (0: once); the last request may take the time of a call beyond that. Recording IDs that this client
// has handed out, by this function too, do not count, and no call is found while another one to the same
// callee is in progress on this client. What cannot be told apart is a call that somebody else placed to
// the same number since then.
//
// Where err is nil, the call was placed, and recordingID is never empty. The error is a [*Failure] with
// [NoRecord], [SeveralRecords], [RecordsFailed] or [InternalError], and [MayHaveDialed] is true for all of
// them: nothing proves that a call was not placed, not even an argument that is wrong.
//
// It never places a call. It has a turn (see [Config.MaxCalls]) for as long as it looks, pauses included. When ctx
// is done while it waits for that, it does not look; from then on ctx has no influence, as for a call. Close
// ends it.
func (c *Client) FindCall(
	ctx context.Context, request Request, since time.Time, patience time.Duration,
) (recordingID string, err error) {
	var fields fields
	defer fields.free()
	r := fields.request(request)
	ms := fields.milliseconds("patience", patience)
	if fields.err != nil {
		return "", inDoubt(fields.err)
	}

	if err := c.begin(ctx); err != nil {
		return "", inDoubt(err)
	}
	defer c.end()
	var status C.int32_t
	var id, reason *C.char
	result := Result(C.itnio_find_call(c.handle, &r, unix(since), ms, &status, &id, &reason))
	if result != C.ITNIO_OK {
		return "", failed(result, status, reason)
	}
	return take(id), nil
}

// Record reads the API's record of one call, by its recording ID. It changes nothing, so the request is sent
// once more where the connection is lost, within the same time.
//
// The error is a [*Refused], with status -24 where there is no such record, or else a [*Failure]. Neither says
// anything about a phone: [MayHaveDialed] is true for both. When ctx is done while it waits for its turn, it is
// not sent; from then on ctx has no influence, as for a call.
func (c *Client) Record(ctx context.Context, recordingID string) (Record, error) {
	var fields fields
	defer fields.free()
	id := fields.required("recording_id", recordingID)
	if fields.err != nil {
		return Record{}, ofLook(fields.err)
	}

	if err := c.begin(ctx); err != nil {
		return Record{}, ofLook(err)
	}
	defer c.end()
	var status C.int32_t
	var list *C.itnio_records
	var reason *C.char
	result := Result(C.itnio_get_record(c.handle, id, &status, &list, &reason))
	if result != C.ITNIO_OK {
		return Record{}, ofLook(failed(result, status, reason))
	}
	return takeRecords(list)[0], nil
}

// FindRecords reads the API's records of many calls: all pages, the newest first. A record without a time of
// submission counts as one in the time asked for. The API's documentation has records of the last two
// months. It changes nothing, so each request is sent once more where its connection is lost, within the same
// time.
//
// There is no error where there are no records. Errors and ctx are as for Record; more than 100,000 calls in
// 30 days are a [*Failure] with [BadResponse].
func (c *Client) FindRecords(ctx context.Context, query RecordQuery) ([]Record, error) {
	var fields fields
	defer fields.free()
	q := C.itnio_record_query{
		since:       unix(query.Since),
		until:       unix(query.Until),
		callee:      fields.optional("callee", query.Callee),
		display_num: fields.optional("display_num", query.DisplayNum),
		phone_name:  fields.optional("phone_name", query.PhoneName),
		phone_group: fields.optional("phone_group", query.PhoneGroup),
		timeout_ms:  fields.milliseconds("timeout_ms", query.Timeout),
		max_records: fields.count("max_records", query.MaxRecords),
	}
	if fields.err != nil {
		return nil, ofLook(fields.err)
	}

	if err := c.begin(ctx); err != nil {
		return nil, ofLook(err)
	}
	defer c.end()
	var status C.int32_t
	var list *C.itnio_records
	var reason *C.char
	result := Result(C.itnio_find_records(c.handle, &q, &status, &list, &reason))
	if result != C.ITNIO_OK {
		return nil, ofLook(failed(result, status, reason))
	}
	return takeRecords(list), nil
}

// inDoubt is what an error before the look says of the call that is looked for: nothing.
func inDoubt(err error) error {
	if e, ok := err.(*Failure); ok {
		e.Result = RecordsFailed
	}
	return err
}

// takeRecords copies records of the library's, and frees them.
func takeRecords(list *C.itnio_records) []Record {
	defer C.itnio_records_free(list)
	records := make([]Record, C.itnio_records_count(list))
	for i := range records {
		r := C.itnio_records_get(list, C.size_t(i))
		records[i] = Record{
			RecordingID:       C.GoString(r.recording_id),
			Callee:            C.GoString(r.callee),
			DisplayNum:        C.GoString(r.display_num),
			PhoneName:         C.GoString(r.phone_name),
			PhoneGroup:        C.GoString(r.phone_group),
			Region:            C.GoString(r.region),
			SubmitTime:        C.GoString(r.submit_time),
			CallTime:          C.GoString(r.call_time),
			RingingTime:       C.GoString(r.ringing_time),
			AnswerTime:        C.GoString(r.answer_time),
			HangupTime:        C.GoString(r.hangup_time),
			SubmittedAt:       fromUnix(r.submitted_at),
			CalledAt:          fromUnix(r.called_at),
			RingingAt:         fromUnix(r.ringing_at),
			AnsweredAt:        fromUnix(r.answered_at),
			HungUpAt:          fromUnix(r.hung_up_at),
			CallDuration:      time.Duration(r.call_duration_s) * time.Second,
			ChargedDuration:   time.Duration(r.charged_duration_s) * time.Second,
			TerminationCode:   C.GoString(r.termination_code),
			TerminationReason: C.GoString(r.termination_reason),
			Cost:              C.GoString(r.cost),
			Rate:              C.GoString(r.rate),
			BillingPeriod:     C.GoString(r.billing_period),
			Currency:          C.GoString(r.currency),
			RecordingFileID:   C.GoString(r.recording_file_id),
		}
	}
	return records
}

// unix is 0 for a time that is not given.
func unix(t time.Time) C.int64_t {
	if t.IsZero() {
		return 0
	}
	return C.int64_t(t.Unix())
}

func fromUnix(seconds C.int64_t) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}

func (f *fields) count(name string, value int) C.uint32_t {
	if value < 0 || int64(value) > math.MaxUint32 {
		f.fail(invalid(name, strconv.Itoa(value)+" is out of range"))
	}
	return C.uint32_t(value)
}
