"""Reading studies: DICOM folders, zips and files, NIfTI, NRRD and MHA, through one gate of geometry."""
