"""The CDK constructs, a file each. The only room that imports aws_cdk; decides nothing that a literal could tell."""
