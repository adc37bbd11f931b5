/**
 * Receivers of the EGVP family show `nachricht.xml` and `visitenkarte.xml` with the stylesheet that comes along. These
 * list the elements as they are; no script, nothing from outside.
 */
export const LETTER_STYLESHEET = writeStylesheet("Nachricht");
export const CARD_STYLESHEET = writeStylesheet("Visitenkarte");

function writeStylesheet(root: string): Buffer {
  return Buffer.from(
    [
      `<?xml version="1.0" encoding="UTF-8"?>`,
      `<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">`,
      `<xsl:output method="html" encoding="UTF-8"/>`,
      `<xsl:template match="/${root}">`,
      `<html><head><title>${root}</title></head><body><h1>${root}</h1><dl>`,
      `<xsl:for-each select="*[normalize-space(.) != '']">`,
      `<dt><xsl:value-of select="translate(local-name(), '_', ' ')"/></dt>`,
      `<dd style="white-space: pre-wrap"><xsl:value-of select="."/></dd>`,
      `</xsl:for-each>`,
      `</dl></body></html>`,
      `</xsl:template>`,
      `</xsl:stylesheet>`,
      ``,
    ].join("\n"),
  );
}
