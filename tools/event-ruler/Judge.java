import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import software.amazon.event.ruler.Ruler;

/** Reads a pattern and an event a line, and writes what AWS's own event-ruler says of each pair. */
public final class Judge {
  public static void main(String[] arguments) throws Exception {
    ObjectMapper mapper = new ObjectMapper();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      JsonNode pair = mapper.readTree(line);
      System.out.println(Ruler.matchesRule(pair.get("event").toString(), pair.get("pattern").toString()));
    }
  }
}
