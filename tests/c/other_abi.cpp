// A library of another ABI than the header is refused before it is asked for anything: this program's own function stands
// in front of the library's.
#include "check.h"

#include <tokensource.hpp>

extern "C" uint32_t tks_abi_version(void) { return TKS_ABI_VERSION + 1; }

int main() {
    try {
        tokensource::Config{{"no such option", "that the library could refuse"}};
    } catch (const tokensource::Error &error) {
        CHECK(error.status() == TKS_INTERNAL);
        CHECK(std::strstr(error.what(), ("speaks ABI " + std::to_string(TKS_ABI_VERSION + 1)).c_str()) != nullptr);
        return 0;
    }
    return 1;
}
