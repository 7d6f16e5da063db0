#include "options.hpp"

#include <getopt.h>

#include <charconv>
#include <cstring>
#include <string_view>

const char *const manual = R"(usage: dialer [OPTIONS] --account ACCOUNT --app-id ID NUMBERS.csv RESULTS.csv

Calls every number of a list, several at a time, and writes down the result of
each. When it is started again with the same RESULTS.csv, it goes on where it was,
however it ended, and never redials a number that may have been dialed.

NUMBERS.csv has a header and a line for each number:

    callee,display_num,called_info
    4915112345678,,"Hello, this is a test"

display_num and called_info may be left out, as columns or as fields. A number that
is there twice is dialed once. Where a line is wrong, nothing is dialed.

RESULTS.csv gets two rows for each call: "dialing", on the disk before the call is
placed, and its result; a call in doubt that is found gets one more. The last row of a
number counts:

    accepted   the API accepted the call; recording_id is there
    refused    the API refused, and no phone rang. Not called again, unless the
               refusal was about the account (status -1, -2, -10, -16): those end
               the run, and the number is called by the next one
    not sent   nothing reached the API; called again by the next run
    unknown    it may have been placed, or the dialer was ended during the call.
               Never called again. The next run looks it up in the API's records, and
               so does --resolve: it is accepted where they have one call to it since
               then (of somebody else's they cannot tell). Else look before you
               redial: those that have not rung go into a list of their own, with a
               results file of its own

Leave the file alone while the dialer runs. Its directory should be on a disk that
has stored what it confirms.

options:
  --account ACCOUNT      the phone's account (required)
  --app-id ID            the voice application's ID (required)
  --parallel N           calls at a time, 1 to 1000 (default 4)
  --retry-unsent N       how often to try again a call that was not sent (default 3)
  --retry-pause MS       pause before the first of these; each is twice as long as the
                         one before, up to a minute (default 1000)
  --timeout MS           the most that a call may take, or a look at the records (default 30000)
  --resolve              only look up what earlier runs left unknown: no number is dialed
  --patience S           how long after a call its record is looked for (default 10); later
                         it is looked for once in each run. No record proves nothing
  --dry-run              only say how many numbers would be dialed; RESULTS.csv is made, or
                         repaired, all the same
  --help                 this text

environment:
  ITNIO_API_KEY, ITNIO_API_SECRET   the credentials (required)
  ITNIO_BASE_URL         where the API is, if not at Itniotech's own address
  ITNIO_CA_FILE          a PEM file to trust instead of the system's trust store

signals:
  SIGINT (Ctrl-C), SIGTERM and SIGHUP let the calls in progress finish and start no new
  ones; a second one ends them, each with its true result.

exit status:
  0    every number was accepted
  1    all is settled, but the API refused some
  2    some numbers are still to be called: start it again
  3    nothing is left to call, but the result of some is unknown: look
  64   used wrongly: nothing was dialed
  65   the list has mistakes: nothing was dialed
  66   there is no such list
  73   the results file cannot be made or used: nothing was dialed
  74   the results could not be written: no further call was placed
  75   another dialer is at work with the results: nothing was dialed
  77   the API refuses the account, and there are numbers left to call
  129, 130, 143   stopped by SIGHUP, SIGINT, SIGTERM, and there are numbers left to call
)";

namespace {

unsigned number(const char *option, std::string_view text, unsigned least, unsigned most)
{
    unsigned value = 0;
    const char *end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stop != end || value < least || value > most)
        throw Misuse(std::string("--") + option + ": \"" + std::string(text) + "\" is not a number from "
                     + std::to_string(least) + " to " + std::to_string(most));
    return value;
}

} // namespace

Options parse_options(int argc, char **argv)
{
    enum : int {
        account = 1,
        app_id,
        parallel,
        retry_unsent,
        retry_pause,
        timeout,
        resolve,
        patience,
        dry_run,
        help
    };
    static const option known[] = {
        {"account", required_argument, nullptr, account},
        {"app-id", required_argument, nullptr, app_id},
        {"parallel", required_argument, nullptr, parallel},
        {"retry-unsent", required_argument, nullptr, retry_unsent},
        {"retry-pause", required_argument, nullptr, retry_pause},
        {"timeout", required_argument, nullptr, timeout},
        {"resolve", no_argument, nullptr, resolve},
        {"patience", required_argument, nullptr, patience},
        {"dry-run", no_argument, nullptr, dry_run},
        {"help", no_argument, nullptr, help},
        {nullptr, 0, nullptr, 0},
    };
    constexpr unsigned day = 24 * 60 * 60 * 1000;
    Options options;
    int index = 0;
    for (;;) {
        const int which = getopt_long(argc, argv, "", known, &index);
        if (which == -1)
            break;
        switch (which) {
        case account: options.account = optarg; break;
        case app_id: options.app_id = optarg; break;
        case parallel: options.parallel = number(known[index].name, optarg, 1, 1000); break;
        case retry_unsent: options.retry_unsent = number(known[index].name, optarg, 0, 1000); break;
        case retry_pause:
            options.retry_pause = std::chrono::milliseconds(number(known[index].name, optarg, 0, day));
            break;
        case timeout:
            options.timeout = std::chrono::milliseconds(number(known[index].name, optarg, 1, day));
            break;
        case resolve: options.resolve = true; break;
        case patience:
            options.patience = std::chrono::seconds(number(known[index].name, optarg, 0, day / 1000));
            break;
        case dry_run: options.dry_run = true; break;
        case help: options.help = true; break;
        default: throw Misuse(""); // getopt_long() has said what is wrong.
        }
    }
    if (options.help)
        return options;
    if (argc - optind != 2)
        throw Misuse("two files are needed: NUMBERS.csv and RESULTS.csv");
    if (options.account.empty() || options.app_id.empty())
        throw Misuse("--account and --app-id are needed");
    if (options.dry_run && options.resolve)
        throw Misuse("--dry-run asks nobody, and --resolve asks the API: not both");
    options.numbers = argv[optind];
    options.results = argv[optind + 1];
    return options;
}
