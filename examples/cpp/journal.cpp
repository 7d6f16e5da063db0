#include "journal.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>

#include "csv.hpp"
#include "numbers.hpp"

namespace {

constexpr std::string_view header = "time,callee,state,result,status,recording_id,reason\n";
constexpr std::size_t columns = 7;

constexpr std::array<std::pair<State, std::string_view>, 5> names = {{
    {State::dialing, "dialing"},
    {State::accepted, "accepted"},
    {State::refused, "refused"},
    {State::not_sent, "not sent"},
    {State::unknown, "unknown"},
}};

constexpr std::string_view found = "the call was in doubt, and is in the API's records";

constexpr std::string_view cut_short =
    "the dialer was ended during this call: it may have been placed; look before you redial";

std::string why(int error)
{
    return std::system_category().message(error);
}

/// UTC, to the millisecond.
std::string now()
{
    const auto time = std::chrono::system_clock::now().time_since_epoch();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
    const std::time_t seconds = static_cast<std::time_t>(ms / 1000);
    std::tm utc = {};
    gmtime_r(&seconds, &utc);
    char date[sizeof "2026-01-01T00:00:00"] = "";
    std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    const std::string fraction = std::to_string(1000 + ms % 1000).substr(1);
    return std::string(date) + '.' + fraction + 'Z';
}

/// The time that now() has written, to the second.
std::optional<Past::Time> parse_time(const std::string &text)
{
    std::tm utc = {};
    const char *rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &utc);
    // Also of years that the system's clock can count.
    if (rest == nullptr || *rest != '.' || utc.tm_year < 70 || utc.tm_year > 300)
        return std::nullopt;
    return std::chrono::system_clock::from_time_t(::timegm(&utc));
}

std::string row(const std::string &callee, State state, const std::string &result = {},
                const std::string &status = {}, const std::string &recording_id = {},
                std::string_view reason = {})
{
    return now() + ',' + callee + ',' + std::string(name(state)) + ',' + result + ',' + status + ','
           + csv::field(recording_id) + ',' + csv::field(reason) + '\n';
}

struct Row {
    std::string callee;
    State state;
    std::string status;
    std::optional<Past::Time> time;
};

/// Reads a row as row() has written it. Throws csv::Error.
Row parse(const csv::Record &record)
{
    const auto &fields = record.fields;
    const csv::Error not_ours(record.line,
                              "is not as the dialer wrote it; was the file saved by another program, or "
                              "damaged? Numbers in it may have been dialed");
    if (fields.size() != columns || !is_number(fields[1]))
        throw not_ours;
    for (const auto &[state, its_name] : names) {
        if (fields[2] == its_name)
            return {fields[1], state, fields[4], parse_time(fields[0])};
    }
    throw not_ours;
}

State state_of(itnio::Outcome outcome)
{
    switch (outcome) {
    case itnio::Outcome::accepted: return State::accepted;
    case itnio::Outcome::refused: return State::refused;
    case itnio::Outcome::not_sent: return State::not_sent;
    case itnio::Outcome::unknown: break;
    }
    return State::unknown;
}

std::string read_all(int fd)
{
    std::string text;
    std::array<char, 64 * 1024> buffer;
    for (;;) {
        const ssize_t count = ::read(fd, buffer.data(), buffer.size());
        if (count == 0)
            return text;
        if (count > 0)
            text.append(buffer.data(), static_cast<std::size_t>(count));
        else if (errno != EINTR)
            throw Journal::Unusable("cannot be read: " + why(errno));
    }
}

/// Whether the rest of a line is a whole row, that lacks nothing but its line break.
bool is_whole_row(std::string_view text)
{
    try {
        csv::Reader reader(text);
        const auto record = reader.next();
        if (!record)
            return false;
        parse(*record);
        return true;
    } catch (const csv::Error &) {
        return false;
    }
}

} // namespace

std::string_view name(State state)
{
    for (const auto &[known, its_name] : names) {
        if (known == state)
            return its_name;
    }
    return "unknown";
}

Past Past::of(const itnio::Result &result)
{
    const auto status = result.status();
    return {state_of(result.outcome()), status ? std::to_string(*status) : ""};
}

void Past::add(State next, std::string next_status, std::optional<Time> time)
{
    // What is unknown can only be found in the records.
    if (state == State::accepted || (state == State::unknown && next != State::accepted))
        return;
    // The first one, where two calls began.
    if (next == State::dialing && state != State::dialing)
        began = time;
    // Two calls began, and only one can have ended: the result of the other is unknown.
    if (state == State::dialing && next == State::dialing)
        next = State::unknown;
    state = next;
    status = std::move(next_status);
}

bool Past::closed() const
{
    switch (state) {
    case State::not_sent: return false;
    case State::refused: return !is_about_the_account(status);
    case State::dialing:
    case State::accepted:
    case State::unknown: break;
    }
    return true;
}

bool is_about_the_account(std::string_view status)
{
    return status == "-1" || status == "-2" || status == "-10" || status == "-16";
}

std::string Journal::dialing_row(const std::string &callee)
{
    return row(callee, State::dialing);
}

std::string Journal::outcome_row(const std::string &callee, const itnio::Result &result)
{
    const Past past = Past::of(result);
    return row(callee, past.state, std::to_string(result.code()), past.status, result.recording_id(),
               result.reason());
}

std::string Journal::found_row(const std::string &callee, const itnio::Result &result)
{
    return row(callee, State::accepted, std::to_string(result.code()), Past::of(result).status,
               result.recording_id(), found);
}

Journal::Journal(const std::string &path) : path_(path)
{
    fd_ = ::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd_ < 0)
        throw Unusable("cannot be opened: " + why(errno));
    try {
        lock();
        make_name_durable();
        read();
    } catch (...) {
        ::close(fd_);
        throw;
    }
}

Journal::~Journal()
{
    ::close(fd_);
}

/// Two dialers would each dial what the other is dialing.
void Journal::lock()
{
    struct stat status;
    if (::fstat(fd_, &status) != 0)
        throw Unusable("cannot be looked at: " + why(errno));
    if (!S_ISREG(status.st_mode))
        throw Unusable("is not a file, and what is written to it would not be remembered");
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0)
        throw errno == EWOULDBLOCK ? Unusable("is in use by another dialer", true)
                                   : Unusable("cannot be locked: " + why(errno));
}

/// A new file is on the disk for good only when the directory with its name is.
void Journal::make_name_durable()
{
    std::error_code error;
    const auto directory = std::filesystem::canonical(path_, error).parent_path();
    const int fd = error ? -1 : ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    // EINVAL: the file system has no such thing, and does not need it.
    const bool done = fd >= 0 && (::fsync(fd) == 0 || errno == EINVAL);
    const int reason = errno;
    if (fd >= 0)
        ::close(fd);
    if (!done)
        throw Unusable("is in a directory that cannot be written to the disk: "
                       + (error ? error.message() : why(reason)));
}

void Journal::read()
{
    const std::string text = read_all(fd_);
    size_ = static_cast<off_t>(text.size());
    const std::size_t lines_end = text.rfind('\n') + 1;
    const std::string_view lines = std::string_view(text).substr(0, lines_end);
    const std::string_view torn = std::string_view(text).substr(lines_end);

    if (lines.empty() && header.substr(0, torn.size()) == torn) {
        begin();
        return;
    }
    csv::Reader reader(lines);
    const auto first = reader.next();
    const auto expected = csv::Reader(header).next();
    if (!first || first->fields != expected->fields)
        throw Unusable("is not a results file of the dialer, and is left as it is");
    const auto take_in = [this](const csv::Record &record) {
        Row row = parse(record);
        past_[row.callee].add(row.state, std::move(row.status), row.time);
    };
    // All of it is understood before anything is written.
    try {
        while (const auto record = reader.next())
            take_in(*record);
    } catch (const csv::Error &error) {
        throw Unusable(error.what());
    }
    if (!torn.empty()) {
        const bool whole = is_whole_row(torn);
        if (whole)
            take_in(*csv::Reader(torn).next());
        repair(torn, whole);
    }
    close_cut_short();
}

/// Says of the calls that were in progress at the end of the last run what is known of them: nothing.
void Journal::close_cut_short()
{
    std::string rows;
    for (auto &[callee, past] : past_) {
        if (past.state == State::dialing) {
            past.state = State::unknown;
            rows += row(callee, State::unknown, {}, {}, {}, cut_short);
        }
    }
    if (!rows.empty() && !commit(rows))
        throw Unusable(error_);
}

/// Starts an empty file, or one that has got no further than into its first line.
void Journal::begin()
{
    if (::ftruncate(fd_, 0) != 0)
        throw Unusable("cannot be written to: " + why(errno));
    size_ = 0;
    if (!commit(std::string(header)))
        throw Unusable(error_);
}

/// Repairs a last line that has no end: the dialer was ended in the middle of writing it. A row that was
/// cut short was never on the disk as a whole, so no call was placed for it; and an outcome that is lost
/// leaves a number that counts as dialed. A row that lacks only its line break may have lost it to an
/// editor: it counts.
void Journal::repair(std::string_view torn, bool whole)
{
    if (whole) {
        if (!commit("\n"))
            throw Unusable(error_);
        return;
    }
    const off_t end = size_ - static_cast<off_t>(torn.size());
    if (::ftruncate(fd_, end) != 0)
        throw Unusable("cannot be written to: " + why(errno));
    size_ = end;
    repairs_.push_back("removed a last line that was never completed: " + csv::field(torn));
}

bool Journal::commit(const std::string &row)
{
    std::unique_lock lock(mutex_);
    waiting_ += row;
    const std::uint64_t mine = gathering_;
    while (durable_ < mine && error_.empty()) {
        if (writing_) {
            changed_.wait(lock);
            continue;
        }
        // The first thread writes for all that wait. Those that come meanwhile are the next batch.
        writing_ = true;
        const std::string batch = std::exchange(waiting_, {});
        const std::uint64_t number = gathering_++;
        lock.unlock();
        std::string error = write_durably(batch);
        lock.lock();
        writing_ = false;
        if (error.empty())
            durable_ = number;
        else
            error_ = std::move(error);
        changed_.notify_all();
    }
    return durable_ >= mine;
}

std::string Journal::error() const
{
    const std::lock_guard lock(mutex_);
    return error_;
}

/// Gives what went wrong, or nothing. What a failed write leaves behind is repaired by the next start.
std::string Journal::write_durably(const std::string &batch)
{
    // An editor that saves the file, over the same one or in place of it, saves it without the rows that
    // were written in the meantime.
    struct stat ours;
    struct stat named;
    if (::fstat(fd_, &ours) != 0 || ::stat(path_.c_str(), &named) != 0)
        return "cannot be looked at any more: " + why(errno);
    if (ours.st_dev != named.st_dev || ours.st_ino != named.st_ino || ours.st_size != size_)
        return "was changed by another program while the dialer was at work";

    std::string_view rest = batch;
    while (!rest.empty()) {
        const ssize_t count = ::write(fd_, rest.data(), rest.size());
        if (count >= 0) {
            rest.remove_prefix(static_cast<std::size_t>(count));
            size_ += count;
        } else if (errno != EINTR) {
            return "cannot be written to: " + why(errno);
        }
    }
    if (::fdatasync(fd_) != 0)
        return "cannot be written to the disk: " + why(errno);
    return {};
}
