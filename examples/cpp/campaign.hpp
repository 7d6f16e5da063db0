// The calls of one run: several at a time, each written down before and after. And a look at the API's records
// for each call that earlier runs left in doubt.
#ifndef DIALER_CAMPAIGN_HPP
#define DIALER_CAMPAIGN_HPP

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstddef>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <itnio.hpp>

#include "console.hpp"
#include "journal.hpp"
#include "numbers.hpp"
#include "options.hpp"

/// Where the numbers of a list stand; each is in one of the first four.
struct Tally {
    std::size_t accepted = 0;
    std::size_t refused = 0;
    std::size_t unknown = 0;
    std::size_t left = 0; ///< Still to be called.

    std::size_t not_sent = 0; ///< Those of `left` that this run has tried without success.

    std::size_t total() const { return accepted + refused + unknown + left; }

    /// Counts a number that is settled.
    void settle(State state);
};

/// A number whose call is in doubt, and the time before that call.
struct Doubt {
    Number number;
    std::chrono::system_clock::time_point began;
};

class Campaign {
public:
    /// `numbers` are those to call, and `doubts` those to look up; `tally` counts all numbers, those to call as
    /// left and those to look up as unknown.
    Campaign(const Options &options, const itnio::Client &client, Journal &journal, Console &console,
             std::vector<Number> numbers, std::vector<Doubt> doubts, const Tally &tally);

    /// Places the calls, and looks those in doubt up; returns once all have ended. Takes the signals that end
    /// a program over, on the program's only thread.
    void run();

    /// After run(): where the numbers stand.
    const Tally &tally() const { return tally_; }

    /// After run(): the signal that asked for an end, or 0.
    int signal() const { return signal_; }

    /// After run(): whether the API refuses the account.
    bool account_refused() const { return account_refused_; }

private:
    void start_threads();
    void start(std::size_t wanted, void (Campaign::*body)());
    void end_thread();
    void work();
    void look_up_all();
    std::vector<const Doubt *> look_up(const std::vector<const Doubt *> &doubts);
    bool found(const Doubt &doubt, const itnio::Result &result);
    bool may_still_appear(const Doubt &doubt) const;
    const Number *next();
    void call(const Number &number);
    itnio::Result place(const Number &number);
    bool pause(unsigned attempt);
    bool pause(std::chrono::milliseconds time);
    bool write_down(const std::string &outcome);
    void stop(const std::string &why);
    void on_signal(int signal);
    std::string progress();
    bool is_stopping();
    bool is_over();

    const Options &options_;
    const itnio::Client &client_;
    Journal &journal_;
    Console &console_;
    const std::vector<Number> numbers_;
    const std::vector<Doubt> doubts_;
    const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    std::vector<std::thread> threads_;
    int signal_ = 0;

    std::mutex mutex_; ///< Guards what follows.
    std::condition_variable stopped_;
    bool stopping_ = false;
    bool account_refused_ = false;
    Tally tally_;
    std::size_t next_ = 0;        ///< The index of the next number to call.
    std::size_t in_progress_ = 0; ///< Calls.
    std::size_t placed_ = 0;      ///< Calls that have ended.
    std::size_t working_ = 0;     ///< Threads.
    std::string last_not_sent_;   ///< Why, for the last of them.
    std::size_t found_ = 0;       ///< Those of `doubts_` that were placed.
    std::string last_in_doubt_;   ///< Why, for the last that was looked up and not found.
};

#endif
