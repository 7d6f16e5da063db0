// The header in C++: extern "C" names; the enum and the structs need no cast.
#include <itnio.h>

#include <cstring>

int main()
{
    itnio_config config = {};
    itnio_client *client = nullptr;
    char *reason = nullptr;
    itnio_result result = itnio_client_new(&config, &client, &reason);
    bool named = reason != nullptr && std::strstr(reason, "api_key") != nullptr;
    itnio_free_string(reason);
    itnio_client_free(client);
    bool same = std::strcmp(itnio_version(), ITNIO_VERSION) == 0;
    return result == ITNIO_INVALID_ARGUMENT && named && same && !itnio_may_have_dialed(result) ? 0 : 1;
}
