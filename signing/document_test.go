package signing_test

const documentFile = "../docs/signing.md"
