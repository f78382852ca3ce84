// SPDX-License-Identifier: Apache-2.0
// conformance_table RESULTS: prints what conformance_runner left there, if anything. CTest runs it after all
// tests (CTestCustom.cmake), so that `ctest -L conformance` ends with the table.
#include <cstdio>

#include "tests/conformance/results.h"

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const auto results = lathe::conformance::read_results(argv[1]);
  if (!results.empty())
    std::printf("\nONNX's operator tests\n%s", lathe::conformance::format_results(results).c_str());
  return 0;
}
