# Writes the files of the status page into one C++ file:
# cmake -DOUTPUT=files.cpp -DFOLDER=exporter/web -DFILES="a.html;b.css" -P embed.cmake
set(arrays "")
set(table "")
foreach(name IN LISTS FILES)
  file(READ ${FOLDER}/${name} bytes HEX)
  string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
  string(MAKE_C_IDENTIFIER ${name} identifier)
  string(APPEND arrays "constexpr char ${identifier}[] = {${bytes}};\n")
  string(APPEND table "    {\"${name}\", {${identifier}, sizeof ${identifier}}},\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"exporter/web/web_files.h\"

namespace socket_exporter {
namespace {

${arrays}
constexpr WebFile kFiles[] = {
${table}};

}  // namespace

std::span<const WebFile> web_files() {
  return kFiles;
}

}  // namespace socket_exporter
")
