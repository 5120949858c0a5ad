# co_add_test(<label> <name> SOURCES … [LIBS …] [TIMEOUT seconds]): a cmocka program, registered with CTest under
# <label>. Only a build with tests asks for cmocka.
if(BUILD_TESTING)
  find_library(CMOCKA_LIBRARY cmocka REQUIRED)
endif()
function(co_add_test label name)
  cmake_parse_arguments(T "" "TIMEOUT" "SOURCES;LIBS" ${ARGN})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 180)
  endif()
  add_executable(${name} ${T_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/support ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE co_flags ${T_LIBS} ${CMOCKA_LIBRARY})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${label}.${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${label}.${name} PROPERTIES LABELS ${label} TIMEOUT ${T_TIMEOUT})
endfunction()

# The tests of this folder so far have its name for a label too (`./run test -L security`), whatever kind they are.
function(co_label_folder)
  get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  get_property(tests DIRECTORY PROPERTY TESTS)
  set_property(TEST ${tests} APPEND PROPERTY LABELS ${folder})
endfunction()
