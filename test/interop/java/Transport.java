import de.osci.osci12.extinterfaces.TransportI;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;

/** HTTP as OSCI-Transport 1.2 uses it: one POST, the MIME headers within the body. Bounded waiting, no redirects. */
public final class Transport implements TransportI {
  private static final int CONNECT_MS = 5_000;
  private static final int ANSWER_MS = 60_000;
  private HttpURLConnection connection;

  @Override
  public TransportI newInstance() {
    return new Transport();
  }

  @Override
  public String getVendor() {
    return "postfach-bridge";
  }

  @Override
  public String getVersion() {
    return "1";
  }

  @Override
  public boolean isOnline(URI uri) {
    return true;
  }

  @Override
  public long getContentLength() {
    return connection.getContentLengthLong();
  }

  @Override
  public OutputStream getConnection(URI uri, long length) throws IOException {
    connection = (HttpURLConnection) uri.toURL().openConnection();
    connection.setConnectTimeout(CONNECT_MS);
    connection.setReadTimeout(ANSWER_MS);
    connection.setInstanceFollowRedirects(false);
    connection.setRequestMethod("POST");
    connection.setRequestProperty("Content-Type", "text/xml");
    connection.setRequestProperty("charset", "utf-8");
    connection.setFixedLengthStreamingMode(length);
    connection.setDoOutput(true);
    return connection.getOutputStream();
  }

  @Override
  public InputStream getResponseStream() throws IOException {
    int status = connection.getResponseCode();
    return status < 400 ? connection.getInputStream() : connection.getErrorStream();
  }
}
