# co_registry: the port checkout/ports/registry.h over a JSON file and the key files that it names.
set(co_adapters ${CMAKE_CURRENT_LIST_DIR}/adapters)
add_library(co_registry STATIC
  ${co_adapters}/registry_file.c ${co_adapters}/registry_edition.c ${co_adapters}/registry_parse.c
  ${co_adapters}/registry_read.c ${co_adapters}/file_bytes.c ${co_adapters}/auth_token.c ${co_adapters}/auth_key.c)
target_include_directories(co_registry PUBLIC ${CMAKE_CURRENT_LIST_DIR})
target_link_libraries(co_registry
  PUBLIC co_domain co_common
  PRIVATE PkgConfig::JANSSON PkgConfig::CRYPTO Threads::Threads)
unset(co_adapters)
