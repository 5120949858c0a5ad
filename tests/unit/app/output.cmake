add_library(output_fixture STATIC ${CMAKE_CURRENT_LIST_DIR}/output_fixture.c)
target_link_libraries(output_fixture PUBLIC co_app PRIVATE ${CMOCKA_LIBRARY})
co_add_test(unit output_reply_test SOURCES ${CMAKE_CURRENT_LIST_DIR}/output_reply_test.c LIBS output_fixture)
co_add_test(unit output_error_test SOURCES ${CMAKE_CURRENT_LIST_DIR}/output_error_test.c LIBS output_fixture)
co_add_test(unit output_event_test SOURCES ${CMAKE_CURRENT_LIST_DIR}/output_event_test.c LIBS output_fixture)
co_add_test(unit output_state_test SOURCES ${CMAKE_CURRENT_LIST_DIR}/output_state_test.c LIBS output_fixture)
co_add_test(unit stored_test SOURCES ${CMAKE_CURRENT_LIST_DIR}/stored_test.c ${CMAKE_CURRENT_LIST_DIR}/stored_support.c
  LIBS co_app TIMEOUT 240)
