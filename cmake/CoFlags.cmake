# Language, warnings, hardening and sanitizers: one interface target that everything links.
add_library(co_flags INTERFACE)
target_compile_features(co_flags INTERFACE c_std_17)
set(CMAKE_C_EXTENSIONS OFF)
target_compile_definitions(co_flags INTERFACE _GNU_SOURCE)
target_compile_options(co_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wswitch-enum -Wvla -Werror
  -fno-common -fstack-protector-strong -fPIE)
target_link_options(co_flags INTERFACE -pie -Wl,-z,relro,-z,now)
target_include_directories(co_flags INTERFACE ${CMAKE_SOURCE_DIR}/include)
if(CO_SANITIZE)
  target_compile_options(co_flags INTERFACE -fsanitize=${CO_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(co_flags INTERFACE -fsanitize=${CO_SANITIZE})
elseif(CMAKE_BUILD_TYPE MATCHES "Release|RelWithDebInfo")
  # Where it was built is no part of what is built: the same sources give the same bytes in any folder.
  target_compile_options(co_flags INTERFACE -D_FORTIFY_SOURCE=2
    -ffile-prefix-map=${CMAKE_SOURCE_DIR}=. -ffile-prefix-map=${CMAKE_BINARY_DIR}=build)
endif()
if(CO_CRASH_POINTS)
  target_compile_definitions(co_flags INTERFACE CO_CRASH_POINTS)
endif()
