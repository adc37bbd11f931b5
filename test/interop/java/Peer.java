import de.osci.osci12.common.Constants;
import de.osci.osci12.common.DialogHandler;
import de.osci.osci12.messageparts.Attachment;
import de.osci.osci12.messageparts.Content;
import de.osci.osci12.messageparts.ContentContainer;
import de.osci.osci12.messageparts.EncryptedDataOSCI;
import de.osci.osci12.messageparts.ProcessCardBundle;
import de.osci.osci12.messageparts.Timestamp;
import de.osci.osci12.messagetypes.ExitDialog;
import de.osci.osci12.messagetypes.FetchDelivery;
import de.osci.osci12.messagetypes.FetchProcessCard;
import de.osci.osci12.messagetypes.GetMessageId;
import de.osci.osci12.messagetypes.InitDialog;
import de.osci.osci12.messagetypes.OSCIMessage;
import de.osci.osci12.messagetypes.ResponseToExitDialog;
import de.osci.osci12.messagetypes.ResponseToFetchDelivery;
import de.osci.osci12.messagetypes.ResponseToFetchProcessCard;
import de.osci.osci12.messagetypes.ResponseToGetMessageId;
import de.osci.osci12.messagetypes.ResponseToInitDialog;
import de.osci.osci12.messagetypes.ResponseToStoreDelivery;
import de.osci.osci12.messagetypes.StoreDelivery;
import de.osci.osci12.roles.Addressee;
import de.osci.osci12.roles.Intermed;
import de.osci.osci12.roles.Originator;
import de.osci.osci12.roles.Reader;
import de.osci.osci12.samples.impl.crypto.PKCS12Decrypter;
import de.osci.osci12.samples.impl.crypto.PKCS12Signer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;

/**
 * A participant of OSCI-Transport 1.2 that is built on the reference library and nothing of ours. One job a run: reads a
 * properties file, prints one JSON object. Jobs: deposit (GetMessageId, StoreDelivery), collect (InitDialog,
 * FetchDelivery until empty, ExitDialog), cards (InitDialog, FetchProcessCard, ExitDialog).
 *
 * Properties: url, intermediary.cipher, intermediary.signature (PEM), signature, cipher (PKCS#12), pin, variant
 * (default, pss, sha512, ecdsa, iv16), job; deposit: addressee (PEM), subject, documents, files (folders, one container
 * per folder in documents), sign (true: the containers are signed); cards: message.
 */
public final class Peer {
  private static final String GCM = Constants.SYMMETRIC_CIPHER_ALGORITHM_AES256_GCM;
  private static final int MAX_DELIVERIES = 100;

  private final Properties job;
  private final int ivLength;
  private final Originator self;
  private final Intermed intermediary;

  private Peer(Properties job) throws Exception {
    this.job = job;
    String variant = need("variant");
    this.ivLength = variant.equals("iv16") ? 16 : 12;
    if (variant.equals("sha512")) DialogHandler.setDigestAlgorithm(Constants.DIGEST_ALGORITHM_SHA512);
    if (variant.equals("sha512")) DialogHandler.setSignatureAlgorithm(Constants.SIGNATURE_ALGORITHM_RSA_SHA512);
    try (InputStream signature = Files.newInputStream(path("signature"));
        InputStream cipher = Files.newInputStream(path("cipher"))) {
      PKCS12Signer signer = new PKCS12Signer(signature, need("pin"), variant.equals("pss"));
      this.self = new Originator(signer, new PKCS12Decrypter(cipher, need("pin")));
    }
    this.intermediary =
        new Intermed(certificate("intermediary.signature"), certificate("intermediary.cipher"), URI.create(need("url")));
  }

  public static void main(String[] args) throws Exception {
    Properties job = new Properties();
    try (var reader = Files.newBufferedReader(Path.of(args[0]), StandardCharsets.UTF_8)) {
      job.load(reader);
    }
    Peer peer = new Peer(job);
    Object result =
        switch (peer.need("job")) {
          case "deposit" -> peer.deposit();
          case "collect" -> peer.collect();
          case "cards" -> peer.cards();
          default -> throw new IllegalArgumentException("unknown job " + peer.need("job"));
        };
    System.out.println(Json.write(result));
  }

  private Map<String, Object> deposit() throws Exception {
    DialogHandler dialog = dialog();
    ResponseToGetMessageId issued = new GetMessageId(dialog).send();
    requireSigned(issued);
    Addressee addressee = new Addressee(null, certificate("addressee"));
    StoreDelivery store = new StoreDelivery(dialog, addressee, issued.getMessageId());
    store.setSubject(need("subject"));
    Map<String, Object> sent = new LinkedHashMap<>();
    // The addressee reads, as in EGVP.
    Reader reader = new Reader(certificate("addressee"));
    boolean withFiles = true;
    for (Path folder : list(path("documents"))) {
      ContentContainer container = new ContentContainer();
      container.setRefID(folder.getFileName().toString());
      for (Path document : list(folder)) {
        Content content = new Content(new ByteArrayInputStream(Files.readAllBytes(document)));
        content.setRefID(document.getFileName().toString());
        container.addContent(content);
        sent.put(folder.getFileName() + "/" + document.getFileName(), digest(Files.readAllBytes(document)));
      }
      if (withFiles)
        for (Path file : list(path("files"))) {
          String name = file.getFileName().toString();
          Attachment attachment = new Attachment(Files.newInputStream(file), name, GCM, ivLength);
          Content content = new Content(attachment);
          content.setRefID(name);
          container.addContent(content);
          sent.put("cid:" + name, digest(Files.readAllBytes(file)));
        }
      withFiles = false;
      if (need("sign").equals("true")) container.sign(self);
      EncryptedDataOSCI encrypted = new EncryptedDataOSCI(GCM, ivLength, container);
      encrypted.encrypt(reader);
      store.addEncryptedData(encrypted);
    }
    ResponseToStoreDelivery answer = store.send();
    requireSigned(answer);
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("messageId", issued.getMessageId());
    result.put("issued", feedback(issued.getFeedback()));
    result.put("feedback", feedback(answer.getFeedback()));
    result.put("creation", stamp(answer.getTimestampCreation()));
    result.put("sent", sent);
    return result;
  }

  private Map<String, Object> collect() throws Exception {
    DialogHandler dialog = dialog();
    ResponseToInitDialog opened = new InitDialog(dialog).send();
    requireSigned(opened);
    List<Object> deliveries = new ArrayList<>();
    List<Object> last = List.of();
    for (int count = 0; count < MAX_DELIVERIES; count++) {
      ResponseToFetchDelivery answer = new FetchDelivery(dialog).send();
      requireSigned(answer);
      last = feedback(answer.getFeedback());
      if (answer.getMessageId() == null) break;
      deliveries.add(read(answer));
    }
    ResponseToExitDialog closed = new ExitDialog(dialog).send();
    requireSigned(closed);
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("opened", feedback(opened.getFeedback()));
    result.put("last", last);
    result.put("closed", feedback(closed.getFeedback()));
    result.put("deliveries", deliveries);
    return result;
  }

  private Map<String, Object> read(ResponseToFetchDelivery answer) throws Exception {
    Map<String, Object> read = new LinkedHashMap<>();
    Map<String, Object> signatures = new LinkedHashMap<>();
    List<ContentContainer> containers = new ArrayList<>(List.of(answer.getContentContainer()));
    for (EncryptedDataOSCI encrypted : answer.getEncryptedData()) containers.add(encrypted.decrypt(self));
    for (ContentContainer container : containers) {
      if (container.getSignatures().length > 0)
        signatures.put(container.getRefID(), container.checkAllSignatures());
      for (Content content : container.getContents()) {
        if (content.getContentType() == Content.ATTACHMENT_REFERENCE) {
          Attachment attachment = content.getAttachment();
          read.put("cid:" + attachment.getRefID(), digest(all(attachment.getStream())));
        } else read.put(container.getRefID() + "/" + content.getRefID(), digest(all(content.getContentStream())));
      }
    }
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("messageId", answer.getMessageId());
    result.put("subject", answer.getSubject());
    result.put("creation", stamp(answer.getTimestampCreation()));
    result.put("contentSignatures", signatures);
    result.put("customHeaders", List.of(answer.getCustomHeaders() == null ? new Object[0] : (Object[]) answer.getCustomHeaders()));
    result.put("read", read);
    return result;
  }

  private Map<String, Object> cards() throws Exception {
    DialogHandler dialog = dialog();
    requireSigned(new InitDialog(dialog).send());
    FetchProcessCard request = new FetchProcessCard(dialog);
    request.setSelectionMode(OSCIMessage.SELECT_BY_MESSAGE_ID);
    request.setSelectionRule(need("message"));
    ResponseToFetchProcessCard answer = request.send();
    requireSigned(answer);
    requireSigned(new ExitDialog(dialog).send());
    List<Object> cards = new ArrayList<>();
    ProcessCardBundle[] bundles = answer.getProcessCardBundles();
    if (bundles != null)
      for (ProcessCardBundle bundle : bundles) {
        Map<String, Object> card = new LinkedHashMap<>();
        card.put("messageId", bundle.getMessageId());
        card.put("creation", stamp(bundle.getCreation()));
        card.put("forwarding", stamp(bundle.getForwarding()));
        card.put("reception", stamp(bundle.getReception()));
        card.put("inspections", bundle.getInspections() == null ? 0 : bundle.getInspections().length);
        cards.add(card);
      }
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("feedback", feedback(answer.getFeedback()));
    result.put("cards", cards);
    return result;
  }

  private DialogHandler dialog() {
    DialogHandler dialog = new DialogHandler(self, intermediary, new Transport());
    dialog.setSymmetricCipherAlgorithm(GCM);
    dialog.setIvLength(ivLength);
    return dialog;
  }

  /** The library takes an unsigned answer without a word. */
  private static void requireSigned(OSCIMessage answer) {
    if (!answer.isSigned()) throw new IllegalStateException("an answer is not signed");
  }

  private static List<Object> feedback(String[][] entries) {
    List<Object> codes = new ArrayList<>();
    if (entries != null) for (String[] entry : entries) codes.add(entry[1]);
    return codes;
  }

  private static String stamp(Timestamp stamp) {
    return stamp == null ? null : stamp.getTimeStamp();
  }

  private static String digest(byte[] bytes) throws Exception {
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
  }

  private static byte[] all(InputStream in) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    in.transferTo(out);
    return out.toByteArray();
  }

  private static List<Path> list(Path folder) throws IOException {
    try (var entries = Files.list(folder)) {
      return entries.sorted().toList();
    }
  }

  private X509Certificate certificate(String name) throws Exception {
    try (InputStream in = Files.newInputStream(path(name))) {
      return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
    }
  }

  private Path path(String name) {
    return Path.of(need(name));
  }

  private String need(String name) {
    String value = job.getProperty(name);
    if (value == null) throw new IllegalArgumentException("the job lacks " + name);
    return value;
  }
}
