/** The release of this peer. One with package.json, which a test proves. */
export const RELEASE = "0.1.0";
