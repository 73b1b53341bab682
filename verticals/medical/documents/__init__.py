"""What leaves the medical vertical for other systems: DICOM segmentation and structured report, FHIR, studies without
identity. Importing this loads nothing heavy."""
