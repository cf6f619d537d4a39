module "deploy_role" {
  source = "../.."

  access      = "deploy-serving"
  project     = "slipway"
  environment = "stage"
  account_id  = "222222222222"
  region      = "eu-west-1"

  operator_arns         = ["arn:aws:iam::222222222222:role/ml-platform"]
  boundary_arn          = "arn:aws:iam::222222222222:policy/slipway-stage-deployment"
  workload_boundary_arn = "arn:aws:iam::222222222222:policy/slipway-stage-workload"

  identity_providers = {
    github = {
      arn      = "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com"
      host     = "token.actions.githubusercontent.com"
      audience = "sts.amazonaws.com"
      subjects = ["repo:example/slipway:environment:stage"]
    }
    circleci = {
      arn      = "arn:aws:iam::222222222222:oidc-provider/oidc.circleci.com/org/0f1e2d3c-0000-4000-8000-000000000001"
      host     = "oidc.circleci.com/org/0f1e2d3c-0000-4000-8000-000000000001"
      audience = "0f1e2d3c-0000-4000-8000-000000000001"
      subjects = ["org/0f1e2d3c-0000-4000-8000-000000000001/project/0f1e2d3c-0000-4000-8000-000000000002/user/*"]
    }
  }
}
