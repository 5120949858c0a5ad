# Tokens and the registry file: the corpus as a test with any compiler; with CO_FUZZ the fuzzers themselves.
foreach(target token registry)
  file(GLOB corpus CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/corpus/${target}/*)
  add_executable(fuzz_${target}_replay
    ${CMAKE_CURRENT_LIST_DIR}/fuzz_${target}.c ${CMAKE_CURRENT_LIST_DIR}/stored_replay.c)
  target_link_libraries(fuzz_${target}_replay PRIVATE co_registry PkgConfig::CRYPTO)
  add_test(NAME fuzz.${target}_replay COMMAND fuzz_${target}_replay ${corpus})
  set_tests_properties(fuzz.${target}_replay PROPERTIES LABELS fuzz TIMEOUT 60)
  if(CO_FUZZ)
    add_executable(fuzz_${target} ${CMAKE_CURRENT_LIST_DIR}/fuzz_${target}.c)
    target_link_libraries(fuzz_${target} PRIVATE co_registry PkgConfig::CRYPTO)
    target_link_options(fuzz_${target} PRIVATE -fsanitize=fuzzer)
  endif()
endforeach()
