# Options that every floor has in common: warnings, sanitizers, include root.
set(godwit_werror $<$<BOOL:${GODWIT_WERROR}>:-Werror>)
add_library(godwit_options INTERFACE)
target_compile_options(godwit_options INTERFACE -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion
  ${godwit_werror})
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # GCC-only pragmas (unroll) are written with their clang twin; the foreign one is silent.
  target_compile_options(godwit_options INTERFACE -Wno-unknown-pragmas -Wno-pass-failed)
endif()
if(GODWIT_SANITIZE)
  target_compile_options(godwit_options INTERFACE -fsanitize=${GODWIT_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 takes moved-from variants for uninitialised once it has instrumented them.
    target_compile_options(godwit_options INTERFACE -Wno-maybe-uninitialized)
  endif()
  target_link_options(godwit_options INTERFACE -fsanitize=${GODWIT_SANITIZE})
endif()
if(GODWIT_FUZZ)
  # Libraries count what they cover; the fuzzers themselves bring libFuzzer's main.
  target_compile_options(godwit_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

set(godwit_common_headers <algorithm> <fmt/format.h> <functional> <map> <memory> <optional> <span> <string> <vector>)

# godwit_floor(NAME DEPENDS lower floors... PRIVATE libraries...): a static library of all .cpp files below the caller.
function(godwit_floor name)
  cmake_parse_arguments(FLOOR "" "" "SOURCES;DEPENDS;PRIVATE" ${ARGN})
  add_library(godwit_${name} STATIC ${FLOOR_SOURCES})
  add_library(godwit::${name} ALIAS godwit_${name})
  set_target_properties(godwit_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(godwit_${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(godwit_${name} PUBLIC cxx_std_20)
  target_link_libraries(godwit_${name} PUBLIC ${FLOOR_DEPENDS} PRIVATE $<BUILD_INTERFACE:godwit_options> ${FLOOR_PRIVATE})
  # Reading these takes the compiler longer than most files themselves. Each file still includes what it uses:
  # tools/lint compiles without them.
  target_precompile_headers(godwit_${name} PRIVATE ${godwit_common_headers})
endfunction()
