import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Just enough JSON to hand results over: maps, lists, numbers, truth values and texts. */
final class Json {
  private Json() {}

  static String write(Object value) {
    if (value == null) return "null";
    if (value instanceof Map<?, ?> map)
      return map.entrySet().stream()
          .map(entry -> text(String.valueOf(entry.getKey())) + ":" + write(entry.getValue()))
          .collect(Collectors.joining(",", "{", "}"));
    if (value instanceof List<?> list)
      return list.stream().map(Json::write).collect(Collectors.joining(",", "[", "]"));
    if (value instanceof Number || value instanceof Boolean) return value.toString();
    return text(value.toString());
  }

  private static String text(String value) {
    StringBuilder out = new StringBuilder("\"");
    for (char c : value.toCharArray()) {
      if (c == '"' || c == '\\') out.append('\\').append(c);
      else if (c < 0x20 || c > 0x7e) out.append(String.format("\\u%04x", (int) c));
      else out.append(c);
    }
    return out.append('"').toString();
  }
}
