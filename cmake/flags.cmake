# Warnings, hardening and sanitizers, in one place for every target.
add_compile_definitions(_GNU_SOURCE)
add_compile_options(
  -fno-strict-aliasing -fvisibility=hidden
  -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
  -Wformat=2 -Wvla -Wwrite-strings -Wundef -Wimplicit-fallthrough
  -Wno-missing-field-initializers)
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
  add_compile_options(-Wthread-safety -Wno-gnu-zero-variadic-macro-arguments)
endif()
if(PHASEGATE_WERROR)
  add_compile_options(-Werror)
endif()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(PHASEGATE_SANITIZE)
  add_compile_options(-fsanitize=${PHASEGATE_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${PHASEGATE_SANITIZE})
  # Told by us: the compilers tell it in different ways.
  add_compile_definitions(PHASEGATE_SANITIZE=1)
  if(PHASEGATE_SANITIZE MATCHES "address")
    add_compile_definitions(PHASEGATE_ASAN=1)
  elseif(PHASEGATE_SANITIZE MATCHES "thread")
    add_compile_definitions(PHASEGATE_TSAN=1)
  endif()
  if(PHASEGATE_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=all)
  endif()
else()
  add_compile_options(-fstack-protector-strong -fstack-clash-protection)
  if(CMAKE_BUILD_TYPE MATCHES "Rel")
    add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
  endif()
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64")
    add_compile_options(-fcf-protection)
  endif()
  add_link_options(-Wl,-z,relro,-z,now -Wl,-z,noexecstack
    $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>)
endif()
if(PHASEGATE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
# Ranks of locks, arena poisoning and the like: on in Debug and sanitizer
# builds, off where NDEBUG is defined.
if(PHASEGATE_SANITIZE OR CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_definitions(PHASEGATE_DEBUG=1)
endif()
