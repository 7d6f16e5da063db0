// A power failure at a chosen step, for LD_PRELOAD into the dialer.
//
// It counts what the dialer does with its results file (write, ftruncate, fdatasync) and with the API
// (itnio_send_sip), before and after each. At step POWER_CUT_AT it leaves POWER_CUT_FILE as a disk would:
// with what fdatasync() had confirmed, and a part, chosen by POWER_CUT_SEED, of what came after; without
// the file where its directory was not synchronised since it was made. Then it kills the process.
//
// With POWER_CUT_LIES, the disk confirms what it has not got. It is how the test shows that it would
// notice.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <mutex>
#include <random>
#include <string>

#include <itnio.h>

namespace {

std::string setting(const char *name)
{
    const char *value = std::getenv(name);
    return value == nullptr ? "" : value;
}

class Disk {
public:
    Disk()
    {
        struct stat status;
        if (::stat(path_.c_str(), &status) == 0) {
            name_is_durable_ = true;
            durable_ = content();
        }
    }

    /// Taken by whoever does something that counts: when the power is cut, all others stand still.
    std::mutex mutex;

    bool is_results(int fd) const
    {
        struct stat open;
        struct stat named;
        return ::fstat(fd, &open) == 0 && ::stat(path_.c_str(), &named) == 0 && open.st_dev == named.st_dev
               && open.st_ino == named.st_ino;
    }

    void directory_synced() { name_is_durable_ = true; }

    void synced()
    {
        if (!lies_)
            durable_ = content();
    }

    /// One more step, with `mutex` taken.
    void step()
    {
        if (++steps_ == cut_at_)
            cut();
    }

private:
    std::string content() const
    {
        std::ifstream file(path_, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    }

    [[noreturn]] void cut()
    {
        const std::string written = content();
        if (!name_is_durable_) {
            ::unlink(path_.c_str());
        } else if (written.compare(0, durable_.size(), durable_) == 0) {
            truncate_to(between(durable_.size(), written.size()));
        } else if (between(0, 1) == 0) {
            // It was made shorter, and that has not come to the disk.
            truncate_to(0);
            const int fd = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
            if (syscall(SYS_write, fd, durable_.data(), durable_.size()) < 0)
                std::abort();
        }
        for (;;)
            ::kill(::getpid(), SIGKILL);
    }

    void truncate_to(std::size_t size) const
    {
        if (::truncate(path_.c_str(), static_cast<off_t>(size)) != 0)
            std::abort();
    }

    std::size_t between(std::size_t least, std::size_t most)
    {
        return std::uniform_int_distribution<std::size_t>(least, most)(random_);
    }

    const std::string path_ = setting("POWER_CUT_FILE");
    const int cut_at_ = std::atoi(setting("POWER_CUT_AT").c_str());
    const bool lies_ = !setting("POWER_CUT_LIES").empty();
    std::minstd_rand random_{static_cast<unsigned>(std::atoi(setting("POWER_CUT_SEED").c_str()))};
    int steps_ = 0;
    bool name_is_durable_ = false;
    std::string durable_;
};

Disk &disk()
{
    // Never destroyed: threads of the dialer may outlive this library's own statics.
    static Disk &only = *new Disk;
    return only;
}

/// Looks at the disk before the program has changed it.
__attribute__((constructor)) void begin()
{
    disk();
}

/// Does something to the results file, as two steps.
template <class Action>
auto counted(int fd, Action action)
{
    if (!disk().is_results(fd))
        return action();
    const std::lock_guard lock(disk().mutex);
    disk().step();
    const auto result = action();
    disk().step();
    return result;
}

} // namespace

extern "C" {

ssize_t write(int fd, const void *bytes, size_t count)
{
    return counted(fd, [=] { return static_cast<ssize_t>(syscall(SYS_write, fd, bytes, count)); });
}

int ftruncate(int fd, off_t size) noexcept
{
    return counted(fd, [=] { return static_cast<int>(syscall(SYS_ftruncate, fd, size)); });
}

int fdatasync(int fd)
{
    return counted(fd, [=] {
        const int result = static_cast<int>(syscall(SYS_fdatasync, fd));
        if (result == 0 && disk().is_results(fd))
            disk().synced();
        return result;
    });
}

int fsync(int fd)
{
    struct stat status;
    const int result = static_cast<int>(syscall(SYS_fsync, fd));
    const std::lock_guard lock(disk().mutex);
    if (result == 0 && ::fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
        disk().directory_synced();
    return result;
}

itnio_result itnio_send_sip(const itnio_client *client, const itnio_sip_request *request, int32_t *status,
                            char **recording_id, char **reason)
{
    using Function = decltype(&itnio_send_sip);
    static const Function next = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "itnio_send_sip"));
    {
        const std::lock_guard lock(disk().mutex);
        disk().step();
    }
    const itnio_result result = next(client, request, status, recording_id, reason);
    const std::lock_guard lock(disk().mutex);
    disk().step();
    return result;
}

} // extern "C"
