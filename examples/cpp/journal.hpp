// The results file, which is also the dialer's memory: a write-ahead log in CSV.
//
// Before a call is placed, a row that says so (`dialing`) is on the disk; after it, a row with the
// outcome. A number whose last row is `dialing` was being called when the dialer ended, for whatever
// reason: it may have been dialed, and is never dialed again. Where the API's records show later that it was
// placed, a row says so (`accepted`).
#ifndef DIALER_JOURNAL_HPP
#define DIALER_JOURNAL_HPP

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <itnio.hpp>

/// Where a number stands.
enum class State { dialing, accepted, refused, not_sent, unknown };

/// What a state is called in the file.
std::string_view name(State state);

/// What the file says about a number.
struct Past {
    using Time = std::chrono::system_clock::time_point;

    State state = State::not_sent;
    /// Of the refusal, if `state` is one.
    std::string status{};
    /// The time before its last call, to the second; none where the file does not say.
    std::optional<Time> began{};

    /// What one call makes of it.
    static Past of(const itnio::Result &result);

    /// Takes the next row of the file in, and its time. What may have been dialed stays so, whatever follows.
    void add(State next, std::string next_status, std::optional<Time> time);

    /// Whether its result is settled, so that it is not to be dialed.
    bool closed() const;
};

/// Whether the API refuses every call of the account with this status: wrong credentials (-1), address
/// (-2), balance (-10), clock (-16). It then says nothing about the number.
bool is_about_the_account(std::string_view status);

class Journal {
public:
    /// The file cannot be used; `in_use`: because another dialer is at work with it.
    struct Unusable : std::runtime_error {
        explicit Unusable(const std::string &what, bool is_in_use = false)
            : std::runtime_error(what), in_use(is_in_use)
        {
        }
        bool in_use;
    };

    /// Opens the file or makes it, keeps others out, repairs what an end in mid-write has left, and reads
    /// it. Throws Unusable.
    explicit Journal(const std::string &path);
    Journal(const Journal &) = delete;
    Journal &operator=(const Journal &) = delete;
    ~Journal();

    /// What the file said when it was opened.
    const std::unordered_map<std::string, Past> &past() const { return past_; }

    /// What was repaired, a line each.
    const std::vector<std::string> &repairs() const { return repairs_; }

    static std::string dialing_row(const std::string &callee);
    static std::string outcome_row(const std::string &callee, const itnio::Result &result);

    /// Of a call in doubt that was found in the API's records.
    static std::string found_row(const std::string &callee, const itnio::Result &result);

    /// Returns once `row` is on the disk for good; false where it is not, and then nor is any other that
    /// comes after: see error(). From any thread; those that wait at the same time share one write.
    bool commit(const std::string &row);

    /// Why a commit has failed; empty if none has.
    std::string error() const;

private:
    void lock();
    void make_name_durable();
    void read();
    void begin();
    void repair(std::string_view torn, bool whole);
    void close_cut_short();
    std::string write_durably(const std::string &batch);

    const std::string path_;
    int fd_ = -1;
    off_t size_ = 0; ///< What the file's size has to be: no other program writes to it.
    std::unordered_map<std::string, Past> past_;
    std::vector<std::string> repairs_;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::string waiting_;         ///< The rows of the next batch.
    std::uint64_t gathering_ = 1; ///< Its number.
    std::uint64_t durable_ = 0;   ///< The number of the last batch on the disk.
    bool writing_ = false;        ///< Whether a thread is at it.
    std::string error_;
};

#endif
