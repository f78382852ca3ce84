// TEMPORARY
#include <omp.h>
#include "engine/kernels/kernel.h"
namespace lathe {
Result<std::unique_ptr<Kernel>> make_reorder(ElementType, const Shape&, const Layout&, const Layout&) { return internal_error("", "no reorder"); }
void set_kernel_threads(int t) { omp_set_num_threads(t); }
int kernel_threads() { return omp_get_max_threads(); }
std::string instruction_set() { return "unknown"; }
}
