#include "campaign.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <system_error>
#include <utility>

namespace {

/// The signals that end a program, but for those that whoever started it wants ignored (nohup).
sigset_t ending_signals()
{
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction action;
        if (sigaction(signal, nullptr, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&signals, signal);
    }
    return signals;
}

std::string text(double number)
{
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.1f", number);
    return buffer;
}

/// What is asked of the API for a number. It has views of both.
itnio::Request request_to(const Number &number, const Options &options)
{
    itnio::Request request;
    request.callee = number.callee;
    request.account = options.account;
    request.app_id = options.app_id;
    if (!number.display_num.empty())
        request.display_num = number.display_num;
    if (!number.called_info.empty())
        request.called_info = number.called_info;
    return request;
}

} // namespace

void Tally::settle(State state)
{
    switch (state) {
    case State::accepted: ++accepted; break;
    case State::refused: ++refused; break;
    case State::dialing:
    case State::unknown: ++unknown; break;
    case State::not_sent: break; // is not settled
    }
}

Campaign::Campaign(const Options &options, const itnio::Client &client, Journal &journal, Console &console,
                   std::vector<Number> numbers, std::vector<Doubt> doubts, const Tally &tally)
    : options_(options), client_(client), journal_(journal), console_(console),
      numbers_(std::move(numbers)), doubts_(std::move(doubts)), tally_(tally)
{
}

void Campaign::run()
{
    // Blocked before there are threads, which inherit it, the signals wait for sigtimedwait() here. So
    // nothing is interrupted, and no code runs in a signal handler.
    const sigset_t signals = ending_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    start_threads();
    const timespec moment = {0, 50'000'000};
    while (!is_over()) {
        if (const int signal = sigtimedwait(&signals, nullptr, &moment); signal > 0)
            on_signal(signal);
        console_.show_progress(progress());
    }
    for (std::thread &thread : threads_)
        thread.join();
    console_.show_progress("");
    if (tally_.not_sent > 0)
        console_.say(std::to_string(tally_.not_sent) + " not sent; the last: " + last_not_sent_);
    if (!doubts_.empty())
        console_.say(std::to_string(doubts_.size()) + " unknown of earlier runs, and "
                     + std::to_string(found_) + " of them found in the API's records"
                     + (last_in_doubt_.empty() ? "" : "; the last that was not: " + last_in_doubt_));
}

void Campaign::start_threads()
{
    if (!options_.resolve)
        start(std::min<std::size_t>(options_.parallel, numbers_.size()), &Campaign::work);
    // One is enough, and asks no more often than the API may like.
    start(doubts_.empty() ? 0 : 1, &Campaign::look_up_all);
}

void Campaign::start(std::size_t wanted, void (Campaign::*body)())
{
    for (; wanted > 0; --wanted) {
        {
            const std::lock_guard lock(mutex_);
            ++working_;
        }
        try {
            threads_.emplace_back(body, this);
        } catch (const std::system_error &error) {
            end_thread();
            console_.say("cannot start more than " + std::to_string(threads_.size()) + " threads: "
                         + error.what());
            return;
        }
    }
}

void Campaign::end_thread()
{
    const std::lock_guard lock(mutex_);
    --working_;
}

void Campaign::work()
{
    while (const Number *number = next())
        call(*number);
    end_thread();
}

/// The next number to call, or none.
const Number *Campaign::next()
{
    const std::lock_guard lock(mutex_);
    return stopping_ || next_ == numbers_.size() ? nullptr : &numbers_[next_++];
}

/// Calls one number, until it is settled or has been tried often enough.
void Campaign::call(const Number &number)
{
    for (unsigned attempt = 0;; ++attempt) {
        // Nothing is placed that is not written down.
        if (!journal_.commit(Journal::dialing_row(number.callee))) {
            stop(options_.results + " " + journal_.error());
            return;
        }
        const itnio::Result result = place(number);
        write_down(Journal::outcome_row(number.callee, result));
        const Past past = Past::of(result);
        if (past.closed()) {
            const std::lock_guard lock(mutex_);
            --tally_.left;
            tally_.settle(past.state);
            return;
        }
        if (past.state == State::refused) {
            stop("the API refuses the account, with status " + past.status + ": " + result.reason());
            const std::lock_guard lock(mutex_);
            account_refused_ = true;
            return;
        }
        // A mistake in an argument is there the next time, too.
        const bool again = result.code() != ITNIO_INVALID_ARGUMENT && attempt < options_.retry_unsent
                           && pause(attempt);
        if (!again) {
            const std::lock_guard lock(mutex_);
            ++tally_.not_sent;
            last_not_sent_ = number.callee + ": " + result.reason();
            return;
        }
    }
}

itnio::Result Campaign::place(const Number &number)
{
    {
        const std::lock_guard lock(mutex_);
        ++in_progress_;
    }
    itnio::Result result = client_.send_sip(request_to(number, options_));
    const std::lock_guard lock(mutex_);
    --in_progress_;
    ++placed_;
    return result;
}

/// Waits before the next attempt; false where there is none to be, because the run is to end.
bool Campaign::pause(unsigned attempt)
{
    using namespace std::chrono_literals;
    const auto doubled = options_.retry_pause * (1 << std::min(attempt, 16U));
    return pause(std::min<std::chrono::milliseconds>(doubled, 60s));
}

bool Campaign::pause(std::chrono::milliseconds time)
{
    std::unique_lock lock(mutex_);
    return !stopped_.wait_for(lock, time, [this] { return stopping_; });
}

/// Writes the outcome of a call down, or says it where that fails.
bool Campaign::write_down(const std::string &outcome)
{
    if (journal_.commit(outcome))
        return true;
    stop(options_.results + " " + journal_.error());
    console_.say("not written down: " + outcome.substr(0, outcome.size() - 1));
    return false;
}

/// Looks the calls in doubt up: each once, and again while its record may still appear. It places no call.
void Campaign::look_up_all()
{
    using namespace std::chrono_literals;
    std::vector<const Doubt *> open;
    for (const Doubt &doubt : doubts_)
        open.push_back(&doubt);
    auto pause_time = 500ms;
    do {
        open = look_up(open);
        pause_time = std::min<std::chrono::milliseconds>(2 * pause_time, 8s);
    } while (!open.empty() && pause(pause_time));
    end_thread();
}

/// Looks each of them up once; gives those to look up again.
std::vector<const Doubt *> Campaign::look_up(const std::vector<const Doubt *> &doubts)
{
    std::vector<const Doubt *> again;
    unsigned failures = 0; // In a row: the API may be out of reach.
    for (const Doubt *doubt : doubts) {
        if (is_stopping())
            return {};
        const bool may_appear = may_still_appear(*doubt);
        if (failures < 3) {
            const itnio::Result result = client_.find_call(request_to(doubt->number, options_), doubt->began,
                                                           std::chrono::milliseconds(0));
            if (found(*doubt, result) || result.code() == ITNIO_SEVERAL_RECORDS)
                continue;
            if (is_about_the_account(Past::of(result).status))
                return {};
            failures = result.code() == ITNIO_RECORDS_FAILED ? failures + 1 : 0;
        }
        if (may_appear)
            again.push_back(doubt);
    }
    return again;
}

/// Whether the records have the call; what they say is taken in.
bool Campaign::found(const Doubt &doubt, const itnio::Result &result)
{
    const std::string &callee = doubt.number.callee;
    const bool is_settled = result.accepted() && write_down(Journal::found_row(callee, result));
    const std::lock_guard lock(mutex_);
    if (is_settled) {
        --tally_.unknown;
        tally_.settle(State::accepted);
        ++found_;
    } else if (!result.accepted()) {
        last_in_doubt_ = callee + ": " + result.reason();
    }
    return result.accepted();
}

/// Whether it is so soon after the call that its record may still appear.
bool Campaign::may_still_appear(const Doubt &doubt) const
{
    // The second, should the system's clock have been set back.
    return std::chrono::system_clock::now() - doubt.began < options_.patience
           && std::chrono::steady_clock::now() - began_ < options_.patience;
}

/// Lets no new call begin.
void Campaign::stop(const std::string &why)
{
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(stopping_, true))
            return;
    }
    stopped_.notify_all();
    console_.say(why + "; no new calls");
}

void Campaign::on_signal(int signal)
{
    if (signal_ == 0) {
        signal_ = signal;
        stop("stopping, and waiting for the calls in progress (a second signal ends them)");
    } else {
        console_.say("ending the calls in progress");
        client_.shutdown();
    }
}

std::string Campaign::progress()
{
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began_;
    const std::lock_guard lock(mutex_);
    return std::to_string(tally_.total() - tally_.left) + " of " + std::to_string(tally_.total())
           + ": accepted " + std::to_string(tally_.accepted) + ", refused "
           + std::to_string(tally_.refused) + ", unknown " + std::to_string(tally_.unknown)
           + "; in progress " + std::to_string(in_progress_) + ", "
           + text(static_cast<double>(placed_) / std::max(elapsed.count(), 0.001)) + "/s";
}

bool Campaign::is_stopping()
{
    const std::lock_guard lock(mutex_);
    return stopping_;
}

bool Campaign::is_over()
{
    const std::lock_guard lock(mutex_);
    return working_ == 0;
}
