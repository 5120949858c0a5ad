# The stubs of all public headers were compiled with the build; the canary must not compile.
if(NOT EXISTS ${ARCHIVE})
  message(FATAL_ERROR "headers: ${ARCHIVE} was not built")
endif()
execute_process(COMMAND ${COMPILER} -std=c17 -fsyntax-only -I${STUBS} ${STUBS}/canary.c
  RESULT_VARIABLE status OUTPUT_QUIET ERROR_QUIET)
if(status EQUAL 0)
  message(FATAL_ERROR "headers: the canary compiled")
endif()
message("headers: ${COUNT} headers compile alone; canary caught")
