# cmake -D FOLDER=... -D OUT=... -P page.cmake: makes the operator's page one
# document and that a C array. page.html names its style and its script, whose
# modules are put into one: their imports go, and what they export becomes
# plain, so no two of them may give a name twice.
cmake_policy(VERSION 3.25)
set(modules text api state charts sessions timeline approvals server main)

file(READ ${FOLDER}/page.html page)
file(READ ${FOLDER}/page.css style)
set(script "")
foreach(module ${modules})
  file(READ ${FOLDER}/${module}.js source)
  string(REGEX REPLACE "(^|\n)import [^\n]*" "\\1" source "${source}")
  string(REGEX REPLACE "(^|\n)export " "\\1" source "${source}")
  string(APPEND script "${source}")
endforeach()
string(REGEX MATCHALL "\n(async function|function|const|let|class) [A-Za-z_]+"
       names "${script}")
list(TRANSFORM names REPLACE ".* " "")
set(seen "")
foreach(name ${names})
  if(name IN_LIST seen)
    message(FATAL_ERROR "two modules of the page have a \"${name}\"")
  endif()
  list(APPEND seen ${name})
endforeach()
string(REPLACE "/*STYLE*/" "${style}" page "${page}")
string(REPLACE "/*SCRIPT*/" "${script}" page "${page}")

file(WRITE ${OUT}.html "${page}")
file(READ ${OUT}.html hex HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
file(WRITE ${OUT} "#include <stddef.h>
extern const unsigned char cli_page_bytes[];
extern const size_t cli_page_size;
const unsigned char cli_page_bytes[] = {
${bytes}};
const size_t cli_page_size = sizeof(cli_page_bytes);
")
