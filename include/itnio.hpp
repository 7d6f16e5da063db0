/*
 * libitnio for C++17 and up: place a phone call through the Itniotech voice API.
 *
 * A thin layer over itnio.h, in this header alone: link with the library as from C. Its promises are
 * those of itnio.h, which has the whole contract; this comment says what C++ adds. A call, in full:
 *
 *     itnio::Config config;
 *     config.api_key = std::getenv("ITNIO_API_KEY");
 *     config.api_secret = std::getenv("ITNIO_API_SECRET");
 *
 *     auto client = itnio::Client::create(config);
 *     if (!client) {
 *         std::cerr << client.error().reason() << '\n';
 *         return;
 *     }
 *
 *     itnio::Request request;
 *     request.callee = "4915112345678";
 *     request.account = "1001";
 *     request.app_id = "my-app";
 *     const auto since = std::chrono::system_clock::now();
 *     itnio::Result result = client->send_sip(request);
 *     if (result.unknown())
 *         result = client->find_call(request, since, std::chrono::seconds(10));
 *     switch (result.outcome()) {
 *     case itnio::Outcome::accepted: std::cout << "recording " << result.recording_id() << '\n'; break;
 *     case itnio::Outcome::refused:  std::cerr << "refused: " << result.reason() << '\n'; break;
 *     case itnio::Outcome::not_sent: std::cerr << "safe to try again: " << result.reason() << '\n'; break;
 *     case itnio::Outcome::unknown:  std::cerr << "look before you redial: " << result.reason() << '\n';
 *     }
 *
 * Records. find_call() looks a call up that is in doubt, and gives a Result as send_sip() does: accepted,
 * with the recording ID, or still unknown. get_record() and find_records() give the API's records: how
 * long a call was, how it ended, what it cost.
 *
 * Exceptions. There is no `throw` in this header, and it compiles with -fno-exceptions. Making a client,
 * placing a call and reading records are noexcept, so that no call which may ring a phone ends in an
 * exception that says nothing about it; where this header itself finds no memory for its copies, the
 * request is not sent, and where the library finds none, the process ends (itnio.h, Memory). Only what
 * returns a std::string may throw std::bad_alloc, and then the object is unchanged.
 *
 * Strings. They go in as itnio::Text, a view that std::string_view, std::string, a literal, or what
 * getenv() returned convert to; they come out as std::string, and those of a record as std::string_view. A
 * NUL within one, where C would end it and call another number, is ITNIO_INVALID_ARGUMENT (from
 * find_call(): ITNIO_RECORDS_FAILED), with a reason that names the field.
 *
 * Threads and forks. As in itnio.h: one Client serves any number of threads and the children of a
 * fork. A call blocks its thread.
 */
#ifndef ITNIO_HPP
#define ITNIO_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "itnio.h"

namespace itnio {

/// A string on its way in, or none: a view, which has to outlive the call that it is used in.
class Text {
public:
    /// Not given: NULL in C.
    constexpr Text() noexcept = default;
    constexpr Text(std::nullptr_t) noexcept {}

    /// A NUL-terminated string; NULL, as from getenv(), is one that is not given.
    constexpr Text(const char *text) noexcept
        : view_(text == nullptr ? std::string_view() : std::string_view(text)), given_(text != nullptr)
    {
    }
    constexpr Text(std::string_view text) noexcept : view_(text), given_(true) {}
    Text(const std::string &text) noexcept : view_(text), given_(true) {}

    /// A string that is about to end would leave a view of freed memory, and a call to whatever number
    /// is there by then. Keep it in a variable.
    Text(const std::string &&) = delete;

    /// Whether there is a string at all; an empty one is one.
    [[nodiscard]] constexpr bool given() const noexcept { return given_; }

    /// The string; empty where there is none.
    [[nodiscard]] constexpr std::string_view view() const noexcept { return view_; }

private:
    std::string_view view_;
    bool given_ = false;
};

/// What a client is made from; itnio_config says what each field may be. What is not given has its
/// default.
struct Config {
    Text api_key;    ///< Required.
    Text api_secret; ///< Required. The client's copies are wiped; wipe your own yourself.
    Text base_url;   ///< Default: the API's own address.
    Text ca_file;    ///< Default: the system's trust store.
    Text proxy;      ///< Default: the environment's. "": none.
    std::chrono::milliseconds connect_timeout{0}; ///< 0: 5 s. DNS, TCP, proxy and TLS together.
    std::chrono::milliseconds timeout{0};         ///< 0: 30 s. The whole call.
};

/// A call to place; itnio_sip_request says what each field may be.
struct Request {
    Text callee; ///< Required: country code and number, 7 to 15 digits.
    Text display_num;
    Text account; ///< Required.
    Text app_id;  ///< Required.
    Text called_info;
    std::chrono::milliseconds timeout{0}; ///< 0: the client's. The whole call.
};

/// Which records to look for; itnio_record_query says what each field may be. What is not given may be any.
struct RecordQuery {
    std::chrono::system_clock::time_point since; ///< Required. Submitted then or later, to the second.
    std::optional<std::chrono::system_clock::time_point> until; ///< Default: now.
    Text callee;
    Text display_num;
    Text phone_name; ///< Not the phone's account.
    Text phone_group;
    std::uint32_t max_records = 0;        ///< 0: 100. The newest ones.
    std::chrono::milliseconds timeout{0}; ///< 0: the client's. However many pages there are.
};

/// Whether a call was placed. There are four cases, and none will be added: a `switch` over them without
/// `default` is complete, and -Wall says when one is forgotten.
enum class [[nodiscard]] Outcome {
    /// The API accepted the call and gave a recording ID.
    accepted,
    /// The API answered, and refused: no phone rings. As it is, it would be refused again.
    refused,
    /// Nothing reached the API: no phone rings. Safe to try again, though a mistake in an argument
    /// (ITNIO_INVALID_ARGUMENT) comes back every time.
    not_sent,
    /// The request was sent, and no response says whether the call was placed: the phone may ring. Look
    /// before you redial: Client::find_call().
    unknown,
};

class Client;

namespace detail {

struct FreeString {
    void operator()(char *string) const noexcept { itnio_free_string(string); }
};
struct FreeClient {
    void operator()(itnio_client *client) const noexcept { itnio_client_free(client); }
};
struct FreeRecords {
    void operator()(itnio_records *records) const noexcept { itnio_records_free(records); }
};

/// A string that the library handed out.
using String = std::unique_ptr<char, FreeString>;

/// Why this header itself did not go on. Static texts, so that they are there without memory.
struct Problem {
    std::int32_t code = ITNIO_OK;
    const char *field = nullptr;
    const char *text = nullptr;

    explicit operator bool() const noexcept { return text != nullptr; }
};

struct Field {
    const char *name;
    Text text;
};

struct Duration {
    const char *name;
    std::chrono::milliseconds duration;
};

/// Whether C can hold it, as a number of milliseconds.
inline Problem check(const Duration &field) noexcept
{
    if (field.duration.count() < 0 || field.duration.count() > std::numeric_limits<std::uint32_t>::max())
        return {ITNIO_INVALID_ARGUMENT, field.name, "is negative or longer than 49 days"};
    return {};
}

/// Of a duration that check() has passed.
inline std::uint32_t milliseconds(std::chrono::milliseconds duration) noexcept
{
    return static_cast<std::uint32_t>(duration.count());
}

/// The second that it is in, counted as in C.
inline std::int64_t unix_time(std::chrono::system_clock::time_point time) noexcept
{
    return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

/// NUL-terminated copies of `Count` texts, wiped before they are freed: a secret may be among them.
template <std::size_t Count>
class Terminated {
public:
    explicit Terminated(const Field (&fields)[Count]) noexcept
    {
        for (const Field &field : fields) {
            if (field.text.view().find('\0') != std::string_view::npos) {
                problem_ = {ITNIO_INVALID_ARGUMENT, field.name, "contains a NUL character"};
                return;
            }
            size_ += field.text.given() ? field.text.view().size() + 1 : 0;
        }
        // The only allocation on the way to the library, and one that does not throw.
        buffer_.reset(new (std::nothrow) char[size_]);
        if (buffer_ == nullptr) {
            // The result that itnio_client_new() has for it, too.
            problem_ = {ITNIO_CONNECT_FAILED, nullptr, "out of memory; nothing was sent"};
            return;
        }
        char *end = buffer_.get();
        for (std::size_t i = 0; i < Count; ++i) {
            if (!fields[i].text.given())
                continue;
            const std::string_view view = fields[i].text.view();
            pointers_[i] = end;
            end += view.copy(end, view.size());
            *end++ = '\0';
        }
    }
    Terminated(const Terminated &) = delete;
    Terminated &operator=(const Terminated &) = delete;
    ~Terminated()
    {
        // Through volatile, or the compiler would leave out writes that are never read.
        volatile char *bytes = buffer_.get();
        for (std::size_t i = 0; bytes != nullptr && i < size_; ++i)
            bytes[i] = '\0';
    }

    const Problem &problem() const noexcept { return problem_; }

    /// The text of that number, or NULL where it is not given.
    const char *operator[](std::size_t index) const noexcept { return pointers_[index]; }

private:
    std::unique_ptr<char[]> buffer_;
    std::size_t size_ = 0;
    const char *pointers_[Count] = {};
    Problem problem_;
};

} // namespace detail

/// Why something was not done: a number and a line of text.
class Error {
public:
    /// A number of `enum itnio_result`, or one that a later library has added to it.
    [[nodiscard]] std::int32_t code() const noexcept { return code_; }

    /// One line for a log: the API's own reason where it gave one, else what failed, naming the field,
    /// host or file. Never a secret. Empty where nothing went wrong.
    [[nodiscard]] std::string reason() const
    {
        if (problem_.text != nullptr)
            return problem_.field == nullptr ? problem_.text
                                             : std::string(problem_.field) + ": " + problem_.text;
        if (reason_ != nullptr)
            return reason_.get();
        return code_ == ITNIO_OK ? "" : itnio_result_message(code_);
    }

    /// What the number means, in general. Static.
    [[nodiscard]] std::string_view message() const noexcept { return itnio_result_message(code_); }

private:
    friend class Client;
    friend class FoundRecords;
    friend class NewClient;
    friend class Result;

    Error() noexcept = default;
    explicit Error(const detail::Problem &problem) noexcept : code_(problem.code), problem_(problem) {}
    Error(std::int32_t code, detail::String reason) noexcept : code_(code), reason_(std::move(reason)) {}

    std::int32_t code_ = ITNIO_OK;
    detail::String reason_;
    detail::Problem problem_;
};

/// The result of one call, or of looking for it. It converts to nothing: ask it by name.
///
/// It can be moved, not copied. One that was moved from is Outcome::unknown.
class [[nodiscard]] Result {
public:
    Result(Result &&other) noexcept
        : error_(std::move(other.error_)), status_(std::exchange(other.status_, ITNIO_NO_STATUS)),
          recording_id_(std::move(other.recording_id_))
    {
        other.error_.code_ = ITNIO_INTERNAL_ERROR;
    }
    Result &operator=(Result &&other) noexcept
    {
        error_ = std::move(other.error_);
        status_ = std::exchange(other.status_, ITNIO_NO_STATUS);
        recording_id_ = std::move(other.recording_id_);
        other.error_.code_ = ITNIO_INTERNAL_ERROR;
        return *this;
    }
    ~Result() = default;

    [[nodiscard]] Outcome outcome() const noexcept
    {
        if (code() == ITNIO_OK)
            return Outcome::accepted;
        if (code() == ITNIO_REJECTED)
            return Outcome::refused;
        // The library that runs may be newer than this header, and knows its own results.
        return itnio_may_have_dialed(code()) ? Outcome::unknown : Outcome::not_sent;
    }

    [[nodiscard]] bool accepted() const noexcept { return outcome() == Outcome::accepted; }
    [[nodiscard]] bool refused() const noexcept { return outcome() == Outcome::refused; }
    [[nodiscard]] bool not_sent() const noexcept { return outcome() == Outcome::not_sent; }
    [[nodiscard]] bool unknown() const noexcept { return outcome() == Outcome::unknown; }

    /// Whether the phone may have rung: accepted, or unknown. Redial only where this is false.
    [[nodiscard]] bool may_have_dialed() const noexcept { return itnio_may_have_dialed(code()); }

    /// The recording ID where accepted, and then never empty; else empty.
    [[nodiscard]] std::string recording_id() const
    {
        return recording_id_ == nullptr ? std::string() : recording_id_.get();
    }

    /// The API's status (0 is success), where it answered with one.
    [[nodiscard]] std::optional<std::int32_t> status() const noexcept
    {
        return status_ == ITNIO_NO_STATUS ? std::nullopt : std::optional(status_);
    }

    /// See Error::code(), Error::reason() and Error::message().
    [[nodiscard]] std::int32_t code() const noexcept { return error_.code(); }
    [[nodiscard]] std::string reason() const { return error_.reason(); }
    [[nodiscard]] std::string_view message() const noexcept { return error_.message(); }

private:
    friend class Client;

    Result(Error error, std::int32_t status, detail::String recording_id) noexcept
        : error_(std::move(error)), status_(status), recording_id_(std::move(recording_id))
    {
    }

    Error error_;
    std::int32_t status_;
    detail::String recording_id_;
};

/// A record of a call, as the API gave it: a view, which ends with the FoundRecord or FoundRecords that it
/// is of. itnio_record says what each field is.
///
/// A text that is not there is empty, a time or a number that is not there has no value.
class Record {
public:
    using Time = std::chrono::system_clock::time_point;

    /// An empty record: nothing is there.
    constexpr Record() noexcept = default;

    /// As Result::recording_id() gives it. Empty in an empty record only.
    [[nodiscard]] std::string_view recording_id() const noexcept { return text(&itnio_record::recording_id); }
    [[nodiscard]] std::string_view callee() const noexcept { return text(&itnio_record::callee); }
    [[nodiscard]] std::string_view display_num() const noexcept { return text(&itnio_record::display_num); }
    [[nodiscard]] std::string_view phone_name() const noexcept { return text(&itnio_record::phone_name); }
    [[nodiscard]] std::string_view phone_group() const noexcept { return text(&itnio_record::phone_group); }
    [[nodiscard]] std::string_view region() const noexcept { return text(&itnio_record::region); }

    /// By this host's clock, as far as the server's is known.
    [[nodiscard]] std::optional<Time> submitted() const noexcept { return time(&itnio_record::submitted_at); }
    [[nodiscard]] std::optional<Time> called() const noexcept { return time(&itnio_record::called_at); }
    [[nodiscard]] std::optional<Time> ringing() const noexcept { return time(&itnio_record::ringing_at); }
    [[nodiscard]] std::optional<Time> answered() const noexcept { return time(&itnio_record::answered_at); }
    [[nodiscard]] std::optional<Time> hung_up() const noexcept { return time(&itnio_record::hung_up_at); }

    /// The same, as received.
    [[nodiscard]] std::string_view submit_time() const noexcept { return text(&itnio_record::submit_time); }
    [[nodiscard]] std::string_view call_time() const noexcept { return text(&itnio_record::call_time); }
    [[nodiscard]] std::string_view ringing_time() const noexcept { return text(&itnio_record::ringing_time); }
    [[nodiscard]] std::string_view answer_time() const noexcept { return text(&itnio_record::answer_time); }
    [[nodiscard]] std::string_view hangup_time() const noexcept { return text(&itnio_record::hangup_time); }

    [[nodiscard]] std::optional<std::chrono::seconds> call_duration() const noexcept
    {
        return duration(&itnio_record::call_duration_s);
    }
    [[nodiscard]] std::optional<std::chrono::seconds> charged_duration() const noexcept
    {
        return duration(&itnio_record::charged_duration_s);
    }

    /// How the call ended: a SIP code, "200" where it was established; and the same in words.
    [[nodiscard]] std::string_view termination_code() const noexcept
    {
        return text(&itnio_record::termination_code);
    }
    [[nodiscard]] std::string_view termination_reason() const noexcept
    {
        return text(&itnio_record::termination_reason);
    }

    /// Money is text, with the digits received.
    [[nodiscard]] std::string_view cost() const noexcept { return text(&itnio_record::cost); }
    [[nodiscard]] std::string_view rate() const noexcept { return text(&itnio_record::rate); }
    [[nodiscard]] std::string_view billing_period() const noexcept
    {
        return text(&itnio_record::billing_period);
    }
    [[nodiscard]] std::string_view currency() const noexcept { return text(&itnio_record::currency); }
    [[nodiscard]] std::string_view recording_file_id() const noexcept
    {
        return text(&itnio_record::recording_file_id);
    }

private:
    friend class FoundRecord;
    friend class FoundRecords;

    constexpr explicit Record(const itnio_record *record) noexcept : record_(record) {}

    std::string_view text(const char *const itnio_record::*field) const noexcept
    {
        const char *text = record_ == nullptr ? nullptr : record_->*field;
        return text == nullptr ? std::string_view() : std::string_view(text);
    }

    std::optional<Time> time(const std::int64_t itnio_record::*field) const noexcept
    {
        const std::int64_t seconds = record_ == nullptr ? 0 : record_->*field;
        // The clock counts smaller units, in as many bits: years that a hostile server makes up are too far.
        constexpr auto most = std::chrono::duration_cast<std::chrono::seconds>(Time::duration::max()).count();
        if (seconds == 0 || seconds < -most || seconds > most)
            return std::nullopt;
        return Time(std::chrono::seconds(seconds));
    }

    std::optional<std::chrono::seconds> duration(const std::int32_t itnio_record::*field) const noexcept
    {
        const std::int32_t seconds = record_ == nullptr ? -1 : record_->*field;
        return seconds < 0 ? std::nullopt : std::optional(std::chrono::seconds(seconds));
    }

    const itnio_record *record_ = nullptr;
};

/// Records, the newest first, or why they could not be read. It owns them: a range of Record.
///
/// It can be moved, not copied. One that was moved from has no records, and ITNIO_INTERNAL_ERROR.
class [[nodiscard]] FoundRecords {
public:
    /// Goes through the records.
    class Iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = Record;
        using difference_type = std::ptrdiff_t;
        using pointer = void;
        using reference = Record;

        Iterator() noexcept = default;

        [[nodiscard]] Record operator*() const noexcept { return Record(itnio_records_get(records_, index_)); }
        Iterator &operator++() noexcept
        {
            ++index_;
            return *this;
        }
        Iterator operator++(int) noexcept
        {
            Iterator before = *this;
            ++index_;
            return before;
        }
        friend bool operator==(const Iterator &a, const Iterator &b) noexcept { return a.index_ == b.index_; }
        friend bool operator!=(const Iterator &a, const Iterator &b) noexcept { return !(a == b); }

    private:
        friend class FoundRecords;

        Iterator(const itnio_records *records, std::size_t index) noexcept : records_(records), index_(index) {}

        const itnio_records *records_ = nullptr;
        std::size_t index_ = 0;
    };

    FoundRecords(FoundRecords &&other) noexcept
        : error_(std::move(other.error_)), status_(std::exchange(other.status_, ITNIO_NO_STATUS)),
          records_(std::move(other.records_))
    {
        other.error_.code_ = ITNIO_INTERNAL_ERROR;
    }
    FoundRecords &operator=(FoundRecords &&other) noexcept
    {
        error_ = std::move(other.error_);
        status_ = std::exchange(other.status_, ITNIO_NO_STATUS);
        records_ = std::move(other.records_);
        other.error_.code_ = ITNIO_INTERNAL_ERROR;
        return *this;
    }
    ~FoundRecords() = default;

    /// Whether the records were read, also where there are none.
    [[nodiscard]] bool has_value() const noexcept { return error_.code() == ITNIO_OK; }
    explicit operator bool() const noexcept { return has_value(); }

    [[nodiscard]] std::size_t size() const noexcept { return itnio_records_count(records_.get()); }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }

    [[nodiscard]] Iterator begin() const & noexcept { return {records_.get(), 0}; }
    [[nodiscard]] Iterator end() const & noexcept { return {records_.get(), size()}; }

    /// The record with this index; an empty one where there is none.
    [[nodiscard]] Record operator[](std::size_t index) const & noexcept
    {
        return Record(itnio_records_get(records_.get(), index));
    }

    /// A record of what is about to end would be a view of freed memory. Keep this in a variable.
    Iterator begin() const && = delete;
    Iterator end() const && = delete;
    Record operator[](std::size_t index) const && = delete;

    /// Why there are no records. It says nothing about a phone.
    [[nodiscard]] const Error &error() const noexcept { return error_; }

    /// The API's status (0 is success), where it answered with one.
    [[nodiscard]] std::optional<std::int32_t> status() const noexcept
    {
        return status_ == ITNIO_NO_STATUS ? std::nullopt : std::optional(status_);
    }

private:
    friend class Client;

    explicit FoundRecords(const detail::Problem &problem) noexcept
        : error_(problem), status_(ITNIO_NO_STATUS)
    {
    }
    FoundRecords(Error error, std::int32_t status, itnio_records *records) noexcept
        : error_(std::move(error)), status_(status), records_(records)
    {
    }

    Error error_;
    std::int32_t status_;
    std::unique_ptr<itnio_records, detail::FreeRecords> records_;
};

/// One record, which it owns, or why there is none. It can be moved, not copied.
class [[nodiscard]] FoundRecord {
public:
    [[nodiscard]] bool has_value() const noexcept { return found_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }

    /// The record. Where there is none it is an empty one.
    [[nodiscard]] Record operator*() const & noexcept { return record_; }
    const Record *operator->() const & noexcept { return &record_; }

    /// A record of what is about to end would be a view of freed memory. Keep this in a variable.
    Record operator*() const && = delete;
    const Record *operator->() const && = delete;

    /// Whether the API says that there is no such record: status -24.
    [[nodiscard]] bool does_not_exist() const noexcept { return status() == -24; }

    /// See FoundRecords::error() and FoundRecords::status().
    [[nodiscard]] const Error &error() const noexcept { return found_.error(); }
    [[nodiscard]] std::optional<std::int32_t> status() const noexcept { return found_.status(); }

private:
    friend class Client;

    explicit FoundRecord(FoundRecords found) noexcept
        : found_(std::move(found)), record_(std::as_const(found_)[0])
    {
    }

    FoundRecords found_;
    Record record_;
};

class NewClient;

/// Places calls for one account, and reads its records, over connections that it keeps between them. Share
/// it between threads.
///
/// Before it is destroyed, or another is moved into it, every call on it has to have returned: shutdown()
/// is how to get there.
///
/// It can be moved, not copied. One that was moved from, or made by the default constructor, places no
/// calls: each is ITNIO_INVALID_ARGUMENT.
class Client {
public:
    Client() noexcept = default;

    /// Makes a client: itnio_client_new().
    [[nodiscard]] static NewClient create(const Config &config) noexcept;

    /// Places a call, and waits for the API's response: itnio_send_sip(). From any number of threads at
    /// once.
    Result send_sip(const Request &request) const noexcept
    {
        const RawRequest raw(request);
        if (raw.problem())
            return Result(Error(raw.problem()), ITNIO_NO_STATUS, nullptr);
        std::int32_t status = ITNIO_NO_STATUS;
        char *recording_id = nullptr;
        char *reason = nullptr;
        const std::int32_t code = itnio_send_sip(client_.get(), &raw.c, &status, &recording_id, &reason);
        return Result(Error(code, detail::String(reason)), status, detail::String(recording_id));
    }

    /// Looks a call up that is in doubt: itnio_find_call(). For after a send_sip() whose result is unknown.
    /// `request` is the one that was given to it, and `since` the time before it was called.
    ///
    /// The API is asked at once, and where it has no record yet, again with growing pauses, until `patience`
    /// is over (0: once).
    ///
    /// The result is accepted, with the recording ID, where the call was placed; else it is unknown, with the
    /// reason, and code() is ITNIO_NO_RECORD, ITNIO_SEVERAL_RECORDS, ITNIO_RECORDS_FAILED or
    /// ITNIO_INTERNAL_ERROR. It is never refused or not sent: nothing proves that a call was not placed, not
    /// even an argument that is wrong.
    ///
    /// What cannot be told apart is a call that somebody else placed to the same number since then. It never
    /// places a call. From any number of threads at once.
    Result find_call(const Request &request, std::chrono::system_clock::time_point since,
                     std::chrono::milliseconds patience) const noexcept
    {
        const RawRequest raw(request);
        detail::Problem problem = raw.problem() ? raw.problem() : detail::check({"patience", patience});
        if (problem) {
            problem.code = ITNIO_RECORDS_FAILED;
            return Result(Error(problem), ITNIO_NO_STATUS, nullptr);
        }
        std::int32_t status = ITNIO_NO_STATUS;
        char *recording_id = nullptr;
        char *reason = nullptr;
        const std::int32_t code =
            itnio_find_call(client_.get(), &raw.c, detail::unix_time(since), detail::milliseconds(patience),
                            &status, &recording_id, &reason);
        return Result(Error(code, detail::String(reason)), status, detail::String(recording_id));
    }

    /// Reads the API's record of one call, by its recording ID: itnio_get_record(). From any number of
    /// threads at once.
    FoundRecord get_record(Text recording_id) const noexcept
    {
        const detail::Terminated<1> texts({{"recording_id", recording_id}});
        if (texts.problem())
            return FoundRecord(FoundRecords(texts.problem()));
        std::int32_t status = ITNIO_NO_STATUS;
        itnio_records *records = nullptr;
        char *reason = nullptr;
        const std::int32_t code = itnio_get_record(client_.get(), texts[0], &status, &records, &reason);
        return FoundRecord(FoundRecords(Error(code, detail::String(reason)), status, records));
    }

    /// Reads the API's records of many calls, all pages, the newest first: itnio_find_records(). From any
    /// number of threads at once.
    FoundRecords find_records(const RecordQuery &query) const noexcept
    {
        if (const detail::Problem problem = detail::check({"timeout", query.timeout}))
            return FoundRecords(problem);
        // In C, 0 is how to leave it out.
        const std::int64_t until = query.until ? detail::unix_time(*query.until) : 0;
        if (query.until && until <= 0)
            return FoundRecords({ITNIO_INVALID_ARGUMENT, "until", "is 1970 or before"});
        const detail::Terminated<4> texts({{"callee", query.callee},
                                           {"display_num", query.display_num},
                                           {"phone_name", query.phone_name},
                                           {"phone_group", query.phone_group}});
        if (texts.problem())
            return FoundRecords(texts.problem());
        itnio_record_query raw = {};
        raw.since = detail::unix_time(query.since);
        raw.until = until;
        raw.callee = texts[0];
        raw.display_num = texts[1];
        raw.phone_name = texts[2];
        raw.phone_group = texts[3];
        raw.max_records = query.max_records;
        raw.timeout_ms = detail::milliseconds(query.timeout);

        std::int32_t status = ITNIO_NO_STATUS;
        itnio_records *records = nullptr;
        char *reason = nullptr;
        const std::int32_t code = itnio_find_records(client_.get(), &raw, &status, &records, &reason);
        return FoundRecords(Error(code, detail::String(reason)), status, records);
    }

    /// Ends the calls in progress, each with its true result, and refuses new ones, for good:
    /// itnio_client_shutdown(). From any thread, but not from a signal handler.
    void shutdown() const noexcept { itnio_client_shutdown(client_.get()); }

    /// The client for the functions of itnio.h; it stays this object's. NULL in an empty one.
    [[nodiscard]] const itnio_client *handle() const noexcept { return client_.get(); }

private:
    friend class NewClient;

    /// A request for the functions of itnio.h, or what is wrong with it.
    struct RawRequest {
        explicit RawRequest(const Request &request) noexcept
            : texts({{"callee", request.callee},
                     {"display_num", request.display_num},
                     {"account", request.account},
                     {"app_id", request.app_id},
                     {"called_info", request.called_info}}),
              timeout(detail::check({"timeout", request.timeout}))
        {
            c.callee = texts[0];
            c.display_num = texts[1];
            c.account = texts[2];
            c.app_id = texts[3];
            c.called_info = texts[4];
            c.timeout_ms = detail::milliseconds(request.timeout);
        }

        const detail::Problem &problem() const noexcept { return timeout ? timeout : texts.problem(); }

        const detail::Terminated<5> texts;
        const detail::Problem timeout;
        itnio_sip_request c = {};
    };

    explicit Client(itnio_client *client) noexcept : client_(client) {}

    std::unique_ptr<itnio_client, detail::FreeClient> client_;
};

/// A client, or why there is none: what std::expected<Client, Error> is in C++23.
class [[nodiscard]] NewClient {
public:
    [[nodiscard]] bool has_value() const noexcept { return client_.handle() != nullptr; }
    explicit operator bool() const noexcept { return has_value(); }

    /// The client. Where there is none it is an empty one, which places no calls.
    [[nodiscard]] const Client &operator*() const & noexcept { return client_; }
    [[nodiscard]] Client &operator*() & noexcept { return client_; }
    [[nodiscard]] Client &&operator*() && noexcept { return std::move(client_); }
    const Client *operator->() const noexcept { return &client_; }

    /// Why there is no client.
    [[nodiscard]] const Error &error() const noexcept { return error_; }

private:
    friend class Client;

    explicit NewClient(const detail::Problem &problem) noexcept : error_(problem) {}
    NewClient(itnio_client *client, Error error) noexcept : client_(client), error_(std::move(error)) {}

    Client client_;
    Error error_;
};

inline NewClient Client::create(const Config &config) noexcept
{
    for (const detail::Duration &duration : {detail::Duration{"connect_timeout", config.connect_timeout},
                                             detail::Duration{"timeout", config.timeout}}) {
        if (const detail::Problem problem = detail::check(duration))
            return NewClient(problem);
    }
    const detail::Terminated<5> texts({{"api_key", config.api_key},
                                       {"api_secret", config.api_secret},
                                       {"base_url", config.base_url},
                                       {"ca_file", config.ca_file},
                                       {"proxy", config.proxy}});
    if (texts.problem())
        return NewClient(texts.problem());
    itnio_config raw = {};
    raw.api_key = texts[0];
    raw.api_secret = texts[1];
    raw.base_url = texts[2];
    raw.ca_file = texts[3];
    raw.proxy = texts[4];
    raw.connect_timeout_ms = detail::milliseconds(config.connect_timeout);
    raw.timeout_ms = detail::milliseconds(config.timeout);

    itnio_client *client = nullptr;
    char *reason = nullptr;
    const std::int32_t code = itnio_client_new(&raw, &client, &reason);
    return NewClient(client, Error(code, detail::String(reason)));
}

/// The meaning that the API's documentation gives to a status. Static.
[[nodiscard]] inline std::string_view status_message(std::int32_t status) noexcept
{
    return itnio_status_message(status);
}

/// The version of the library that runs; ITNIO_VERSION is that of the header. Static.
[[nodiscard]] inline std::string_view version() noexcept { return itnio_version(); }

} // namespace itnio

#endif // ITNIO_HPP
