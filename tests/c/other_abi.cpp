// A library with another ABI version than the header is rejected before any other call. The function of this program takes
// the place of the library's function.
#include "check.h"

#include <tokensource.hpp>

extern "C" uint32_t tks_abi_version(void) { return TKS_ABI_VERSION + 1; }

int main() {
    try {
        tokensource::Config{{"no such option", "that the library could reject"}};
    } catch (const tokensource::Error &error) {
        CHECK(error.status() == TKS_INTERNAL);
        CHECK(std::strstr(error.what(), ("has ABI version " + std::to_string(TKS_ABI_VERSION + 1)).c_str()) != nullptr);
        return 0;
    }
    return 1;
}
