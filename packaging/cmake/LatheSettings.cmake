# Settings and helpers shared by every folder.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

find_program(LATHE_CCACHE ccache)
if(LATHE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${LATHE_CCACHE})
endif()

add_library(lathe_settings INTERFACE)
target_include_directories(lathe_settings INTERFACE ${CMAKE_SOURCE_DIR})
# What tools generate is not held to our warnings and linter.
target_include_directories(lathe_settings SYSTEM INTERFACE ${CMAKE_BINARY_DIR}/generated)
# g++ 12 reports std::optional, std::variant and std::vector code wrongly under these names once it is inlined.
set(LATHE_GCC_FALSE_ALARMS -Wno-restrict -Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overflow
    -Wno-stringop-overread -Wno-free-nonheap-object -Wno-dangling-pointer)
target_compile_options(lathe_settings INTERFACE -Wall -Wextra -Wpedantic -Wnon-virtual-dtor
                       -Wno-missing-field-initializers
                       "$<$<CXX_COMPILER_ID:GNU>:${LATHE_GCC_FALSE_ALARMS}>" $<$<BOOL:${LATHE_WERROR}>:-Werror>)
if(LATHE_SANITIZE)
  target_compile_options(lathe_settings INTERFACE -fsanitize=${LATHE_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(lathe_settings INTERFACE -fsanitize=${LATHE_SANITIZE})
endif()

# lathe_generate_registry(<what> <RegistryType> <header> <names...>)
# Writes generated/engine/<folder>/<what>_list.h declaring register_<name>() for each name, and
# register_all_<what>s() calling them in order: a new one touches one file and one list.
function(lathe_generate_registry what registry include output)
  set(declarations "")
  set(calls "")
  foreach(name IN LISTS ARGN)
    string(APPEND declarations "void register_${name}(${registry}&);\n")
    string(APPEND calls "  register_${name}(registry);\n")
  endforeach()
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/${output} CONTENT
"// Generated from the list in this folder's CMakeLists.txt.
#pragma once
#include \"${include}\"
namespace lathe {
${declarations}
inline void register_all_${what}s([[maybe_unused]] ${registry}& registry) {
${calls}}
}  // namespace lathe
")
endfunction()

# lathe_library(<folder target> SOURCES ... LINK ...): one static library a folder.
function(lathe_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC lathe_settings ${ARG_LINK})
endfunction()
